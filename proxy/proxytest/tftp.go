package proxytest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/chargehand/chargehand/internal/errs"
	"github.com/chargehand/chargehand/proxy/mac"
	"github.com/chargehand/chargehand/proxy/tftp"
)

// A TFTPHome is a provider whose root is empty.
type TFTPHome struct {
	Provider tftp.Provider

	// ReadFile reads a file of the root as a TFTP client would; ok is false
	// when there is none. nil when the home cannot.
	ReadFile func(t *testing.T, name string) (content []byte, ok bool)
}

// TFTP runs the suite; open makes a fresh home for each test.
func TFTP(t *testing.T, open func(t *testing.T) TFTPHome) {
	for _, v := range tftp.Variants() {
		t.Run(string(v), func(t *testing.T) { tftpVariant(t, open(t), v) })
	}
	t.Run("hostile content", func(t *testing.T) { tftpContent(t, open(t)) })
	t.Run("parallel", func(t *testing.T) { tftpParallel(t, open(t)) })
}

func (h TFTPHome) files(t *testing.T, names []string, want string) {
	t.Helper()
	if h.ReadFile == nil {
		return
	}
	for _, name := range names {
		got, ok := h.ReadFile(t, name)
		if want == "" && ok {
			t.Errorf("%s is still there: %q", name, got)
		}
		if want != "" && string(got) != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
}

func tftpVariant(t *testing.T, h TFTPHome, v tftp.Variant) {
	m := mac.MustParse("AA:bb:CC:0:1:2")
	ctx := t.Context()
	_, err := h.Provider.Get(ctx, v, m)
	wantKind(t, "get before set", err, errs.NotFound)
	for _, config := range []string{"first, longer than the second\n", "second\n"} {
		twice(t, "set", func() error { return h.Provider.Set(ctx, v, m, []byte(config)) })
		got, err := h.Provider.Get(ctx, v, m)
		if err != nil || string(got) != config {
			t.Errorf("got %q, %v", got, err)
		}
		h.files(t, v.Files(m), config)
	}
	twice(t, "default", func() error { return h.Provider.SetDefault(ctx, v, []byte("menu\n")) })
	h.files(t, v.DefaultFiles(), "menu\n")
	other := mac.MustParse("aa:bb:cc:00:01:03")
	if err := h.Provider.Set(ctx, v, other, []byte("other\n")); err != nil {
		t.Fatal(err)
	}
	twice(t, "delete", func() error { return h.Provider.Delete(ctx, v, m) })
	_, err = h.Provider.Get(ctx, v, m)
	wantKind(t, "get after delete", err, errs.NotFound)
	h.files(t, v.Files(m), "")
	h.files(t, v.Files(other), "other\n")
	h.files(t, v.DefaultFiles(), "menu\n")
}

func tftpContent(t *testing.T, h TFTPHome) {
	infiniband := mac.MustParse("80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:0a:6f")
	for _, config := range []string{
		"a=b&c=d+e%20f;[]\r\n", "über — ☃\n", string(bytes.Repeat([]byte("0123456789abcdef\n"), 10_000)), " ",
	} {
		if err := h.Provider.Set(t.Context(), tftp.PXELinux, infiniband, []byte(config)); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Provider.Get(t.Context(), tftp.PXELinux, infiniband); err != nil || string(got) != config {
			t.Errorf("%.40q came back as %.40q, %v", config, got, err)
		}
	}
}

// tftpParallel: a reader sees one writer's content, whole.
func tftpParallel(t *testing.T, h TFTPHome) {
	m := mac.MustParse("52:54:00:00:00:01")
	contents := map[string]bool{}
	for i := range 4 {
		contents[string(bytes.Repeat(fmt.Appendf(nil, "%d", i), 5000+1000*i))] = true
	}
	var wg sync.WaitGroup
	for content := range maps.Keys(contents) {
		wg.Go(func() {
			for range 5 {
				if err := h.Provider.Set(context.Background(), tftp.PXELinux, m, []byte(content)); err != nil {
					t.Error(err)
				}
				if got, err := h.Provider.Get(context.Background(), tftp.PXELinux, m); err != nil || !contents[string(got)] {
					t.Errorf("read %.20q… (%d bytes), %v", got, len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

// A MemoryTFTP is a provider without files.
type MemoryTFTP struct {
	Faults

	mu      sync.Mutex
	files   map[string][]byte
	fetched []string
}

func (m *MemoryTFTP) write(names []string, content []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[string][]byte{}
	}
	for _, n := range names {
		m.files[n] = bytes.Clone(content)
	}
	return nil
}

// Set implements tftp.Provider.
func (m *MemoryTFTP) Set(_ context.Context, v tftp.Variant, hw mac.Addr, config []byte) error {
	return m.Around("set", func() error { return m.write(v.Files(hw), config) })
}

// SetDefault implements tftp.Provider.
func (m *MemoryTFTP) SetDefault(_ context.Context, v tftp.Variant, menu []byte) error {
	return m.Around("default", func() error { return m.write(v.DefaultFiles(), menu) })
}

// Get implements tftp.Provider.
func (m *MemoryTFTP) Get(_ context.Context, v tftp.Variant, hw mac.Addr) ([]byte, error) {
	content, ok := m.ReadFile(v.Files(hw)[0])
	if !ok {
		return nil, errs.New(errs.NotFound, "no such file")
	}
	return content, m.Around("get", func() error { return nil })
}

// Delete implements tftp.Provider.
func (m *MemoryTFTP) Delete(_ context.Context, v tftp.Variant, hw mac.Addr) error {
	return m.Around("delete", func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, n := range v.Files(hw) {
			delete(m.files, n)
		}
		return nil
	})
}

// Fetch implements tftp.Fetcher; it notes the name and fetches nothing.
func (m *MemoryTFTP) Fetch(_ context.Context, prefix, src string) error {
	return m.Around("fetch", func() error {
		name, err := tftp.BootFile(prefix, src)
		m.mu.Lock()
		defer m.mu.Unlock()
		if err == nil && !slices.Contains(m.fetched, name) {
			m.fetched = append(m.fetched, name)
		}
		return err
	})
}

// ReadFile gives a file of the root.
func (m *MemoryTFTP) ReadFile(name string) (content []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok = m.files[name]
	return bytes.Clone(content), ok
}

// Names lists the files, and Fetched the boot files that were asked for.
func (m *MemoryTFTP) Names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.files))
}

// Fetched lists the boot files that were asked for.
func (m *MemoryTFTP) Fetched() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.fetched)
}
