package site

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// pageWithin is what Chromium may take, from its start to the last picture.
const pageWithin = 3 * time.Minute

// ShowsHost logs in and opens a host's page as a person does, in a headless
// Chromium, and fails unless the page shows each text. A picture of it is kept
// in $CHARGEHAND_SCREENSHOTS when that is set, named for the test.
func (p *Process) ShowsHost(name string, texts ...string) {
	p.Helper()
	ctx := p.browser()
	base := "https://" + p.Endpoints["web.https"]
	err := chromedp.Do(ctx,
		chromedp.Navigate(base+"/"),
		chromedp.WaitVisible(chromedp.CSS("#login")),
		chromedp.SendKeys(chromedp.CSS("#login"), "admin"),
		chromedp.SendKeys(chromedp.CSS("#password"), Password),
		chromedp.Submit(chromedp.CSS("#password")),
		chromedp.WaitVisible(chromedp.CSS("#menu")),
		chromedp.Navigate(base+"/hosts/"+name),
		chromedp.WaitVisible(chromedp.CSS("main")),
	)
	if err != nil {
		p.Fatalf("the host's page: %v", err)
	}
	page, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		p.Fatal(err)
	}
	p.picture(ctx)
	for _, want := range append([]string{name}, texts...) {
		if !strings.Contains(page, want) {
			p.Errorf("no %q on the host's page:\n%s", want, page)
		}
	}
}

// browser opens a headless Chromium that trusts any certificate.
func (p *Process) browser() context.Context {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 1600), chromedp.UserDataDir(p.TempDir()),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	p.Cleanup(cancel)
	whole, cancel := chromedp.NewContext(allocator)
	p.Cleanup(cancel)
	if err := chromedp.Do(whole); err != nil {
		p.Fatalf("start Chromium: %v", err)
	}
	ctx, cancel := context.WithTimeout(whole, pageWithin)
	p.Cleanup(cancel)
	return ctx
}

func (p *Process) picture(ctx context.Context) {
	p.Helper()
	dir := os.Getenv("CHARGEHAND_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(90))
	if err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(p.Name(), "/", "_")+".jpg"), picture, 0o644); err != nil {
		p.Error(err)
	}
}
