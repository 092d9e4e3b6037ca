package tftp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequests(t *testing.T) {
	for _, tc := range []struct {
		name   string
		packet string
		want   Request
		bad    bool
	}{
		{"plain", "\x00\x01pxelinux.0\x00octet\x00", Request{Op: OpRead, Name: "pxelinux.0", Mode: "octet"}, false},
		{
			"options in any case", "\x00\x01a\x00OCTET\x00BlkSize\x001428\x00tsize\x000\x00",
			Request{OpRead, "a", "octet", []Option{{"blksize", "1428"}, {"tsize", "0"}}},
			false,
		},
		{"padding", "\x00\x01a\x00octet\x00\x00\x00\x00", Request{Op: OpRead, Name: "a", Mode: "octet"}, false},
		{"half an option", "\x00\x01a\x00octet\x00tsize\x00", Request{Op: OpRead, Name: "a", Mode: "octet"}, false},
		{"write", "\x00\x02a\x00netascii\x00", Request{Op: OpWrite, Name: "a", Mode: "netascii"}, false},
		{"no name", "\x00\x01\x00octet\x00", Request{}, true},
		{"no mode", "\x00\x01a\x00", Request{}, true},
		{"data", "\x00\x03\x00\x01xx", Request{}, true},
		{"nothing", "", Request{}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseRequest([]byte(tc.packet))
			if (err != nil) != tc.bad {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzPackets(f *testing.F) {
	f.Add(Request{OpRead, "a", "octet", []Option{{"tsize", "0"}}}.Append(nil))
	f.Add(AppendOptions(nil, []Option{IntOption("blksize", 1468)}))
	f.Add(AppendError(nil, &Error{CodeNotFound, "no"}))
	f.Add(AppendAck(nil, 65535))
	f.Fuzz(func(t *testing.T, p []byte) {
		if r, err := ParseRequest(p); err == nil {
			again, err := ParseRequest(r.Append(nil))
			if err != nil || !cmp.Equal(r, again) {
				t.Errorf("%+v became %+v, %v", r, again, err)
			}
		}
		if o, err := ParseOptions(p); err == nil {
			if again, err := ParseOptions(AppendOptions(nil, o)); err != nil || !cmp.Equal(o, again) {
				t.Errorf("%+v became %+v, %v", o, again, err)
			}
		}
		if e, err := ParseError(p); err == nil && e.Error() == "" {
			t.Error("an error without a word")
		}
	})
}
