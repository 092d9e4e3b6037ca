//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/chargehand/chargehand/e2e/site"
)

// browser opens a headless Chromium that trusts any certificate.
func (s *stage) browser() context.Context {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 1600), chromedp.UserDataDir(s.TempDir()),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	s.Cleanup(cancel)
	whole, cancel := chromedp.NewContext(allocator)
	s.Cleanup(cancel)
	if err := chromedp.Do(whole); err != nil {
		s.Fatalf("start Chromium: %v", err)
	}
	ctx, cancel := context.WithTimeout(whole, time.Minute)
	s.Cleanup(cancel)
	return ctx
}

// screenshots is where pictures of pages are kept: $CHARGEHAND_SCREENSHOTS, or
// nowhere for long.
func (s *stage) screenshots() string {
	if dir := os.Getenv("CHARGEHAND_SCREENSHOTS"); dir != "" {
		return dir
	}
	return s.TempDir()
}

// pageShows logs in and reads the host's page as a person does.
func (s *stage) pageShows() {
	s.Helper()
	ctx := s.browser()
	base := "https://" + s.core.Endpoints["web.https"]
	err := chromedp.Do(ctx,
		chromedp.Navigate(base+"/"),
		chromedp.WaitVisible(chromedp.CSS("#login")),
		chromedp.SendKeys(chromedp.CSS("#login"), "admin"),
		chromedp.SendKeys(chromedp.CSS("#password"), site.Password),
		chromedp.Submit(chromedp.CSS("#password")),
		chromedp.WaitNotPresent(chromedp.CSS("#login")),
		chromedp.Navigate(base+"/hosts/"+hostName),
		chromedp.WaitVisible(chromedp.CSS("main")),
	)
	if err != nil {
		s.Fatalf("the host's page: %v", err)
	}
	page, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		s.Fatal(err)
	}
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(90))
	if err != nil {
		s.Fatal(err)
	}
	path := filepath.Join(s.screenshots(), strings.ReplaceAll(s.Name(), "/", "_")+".jpg")
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		s.Error(err)
	}
	for _, want := range []string{hostName, hostIP, "machines", "I am " + hostName} {
		if !strings.Contains(page, want) {
			s.Errorf("no %q on the host's page:\n%s", want, page)
		}
	}
}
