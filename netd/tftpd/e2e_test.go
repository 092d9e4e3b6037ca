//go:build e2e

package tftpd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tftp-hpa's and atftp's clients against the server.

func TestE2EClients(t *testing.T) {
	content := random(5<<20 + 3)
	for mode, mod := range map[string]func(*Config){"own port": func(*Config) {}, "single port": singlePort} {
		s := serve(t, map[string]string{"boot/initrd.img": content, "menu": "a\nb\n"}, mod)
		port := fmt.Sprint(s.Addr().Port())
		for name, args := range map[string]string{
			"tftp-hpa":               "tftp -m binary 127.0.0.1 %s -c get boot/initrd.img %s",
			"atftp":                  "atftp --get -r /boot/initrd.img -l %[2]s 127.0.0.1 %[1]s",
			"atftp, blocks":          `atftp --option "blksize 1428" --get -r boot/initrd.img -l %[2]s 127.0.0.1 %[1]s`,
			"atftp, blocks, windows": `atftp --option "blksize 1428" --option "windowsize 64" --option "tsize 0" --get -r boot/initrd.img -l %[2]s 127.0.0.1 %[1]s`,
		} {
			out := filepath.Join(t.TempDir(), "out")
			start := time.Now()
			text, err := command(fmt.Sprintf(args, port, out)).CombinedOutput()
			took := time.Since(start)
			got, readErr := os.ReadFile(out)
			if err != nil || readErr != nil || string(got) != content {
				t.Errorf("%s, %s: %v, %v, %d bytes\n%s", mode, name, err, readErr, len(got), text)
			}
			t.Logf("%s, %s: %.0f MB/s", mode, name, float64(len(got))/1e6/took.Seconds())
		}
		out := filepath.Join(t.TempDir(), "menu")
		text, err := command("tftp -m ascii 127.0.0.1 " + port + " -c get menu " + out).CombinedOutput()
		if got, _ := os.ReadFile(out); err != nil || string(got) != "a\nb\n" {
			t.Errorf("ascii: %q, %v\n%s", got, err, text)
		}
		start := time.Now()
		text, _ = command("tftp -m binary 127.0.0.1 " + port + " -c get pxelinux.cfg/none " + out).CombinedOutput()
		if !strings.Contains(string(text), "File not found") && !strings.Contains(string(text), "file not found") || time.Since(start) > time.Second {
			t.Errorf("a file that is not there: %s after %v", text, time.Since(start))
		}
	}
}

// command splits at blanks, save within double quotes.
func command(line string) *exec.Cmd {
	var argv []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			argv = append(argv, part)
		} else {
			argv = append(argv, strings.Fields(part)...)
		}
	}
	return exec.Command(argv[0], argv[1:]...)
}
