package fileserve

import (
	"path/filepath"
	"strings"
)

// ParseConf reads a fileserver.conf: the mounts, and the lines that mean nothing
// here, such as paths with patterns in them. Who may read is not decided there:
// any agent with a certificate may, as with Puppet Server.
func ParseConf(text string) (mounts []Mount, ignored []string) {
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && line[len(line)-1] == ']':
			name = strings.TrimSpace(line[1 : len(line)-1])
		default:
			fields := strings.Fields(line)
			if len(fields) == 2 && fields[0] == "allow" && fields[1] == "*" {
				continue
			}
			if name == "" || len(fields) != 2 || fields[0] != "path" || strings.Contains(fields[1], "%") || !filepath.IsAbs(fields[1]) {
				ignored = append(ignored, line)
				continue
			}
			mounts = append(mounts, Mount{Name: name, Dir: fields[1]})
		}
	}
	return mounts, ignored
}
