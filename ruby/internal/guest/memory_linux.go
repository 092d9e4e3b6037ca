package guest

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// linearMemory reserves the address space of the largest memory a VM may have;
// pages cost nothing until they are touched.
type linearMemory struct {
	space []byte
	size  uint64
}

func newLinearMemory(max uint64) *linearMemory {
	space, err := unix.Mmap(-1, 0, int(max), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return &linearMemory{}
	}
	return &linearMemory{space: space}
}

// Reallocate makes the memory size bytes long, in place; nil when it cannot.
func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.space)) {
		return nil
	}
	m.size = size
	return m.space[:size:len(m.space)]
}

// Free gives the address space back.
func (m *linearMemory) Free() {
	if m.space != nil {
		_ = unix.Munmap(m.space)
		m.space = nil
	}
}

// overlay maps the image over the memory's beginning, copy-on-write, dropping
// whatever was written there before.
func (m *linearMemory) overlay(image *memoryImage) error {
	if uint64(image.size) > m.size {
		return errors.New("the snapshot is larger than the memory")
	}
	addr := unsafe.Pointer(unsafe.SliceData(m.space))
	return image.withFD(func(fd int) error {
		_, err := unix.MmapPtr(fd, 0, addr, uintptr(image.size),
			unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
		return err
	})
}

// A memoryImage is a memory's content in an anonymous file.
type memoryImage struct {
	file *os.File // its number is not reused while somebody maps it
	size int
}

func newMemoryImage(data []byte) (*memoryImage, error) {
	fd, err := unix.MemfdCreate("ruby", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	i := &memoryImage{file: os.NewFile(uintptr(fd), "ruby"), size: len(data)}
	if err := i.withFD(func(fd int) error { return fill(fd, data) }); err != nil {
		return nil, errors.Join(err, i.close())
	}
	return i, nil
}

func (i *memoryImage) withFD(f func(fd int) error) error {
	conn, err := i.file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = conn.Control(func(fd uintptr) { inner = f(int(fd)) })
	return errors.Join(err, inner)
}

// fill writes data but for its pages of zeros, which stay holes.
func fill(fd int, data []byte) error {
	if err := unix.Ftruncate(fd, int64(len(data))); err != nil {
		return err
	}
	const chunk = 4096
	var zero [chunk]byte
	for off := 0; off < len(data); off += chunk {
		page := data[off:min(off+chunk, len(data))]
		if string(page) == string(zero[:len(page)]) {
			continue
		}
		for done := 0; done < len(page); {
			n, err := unix.Pwrite(fd, page[done:], int64(off+done))
			if err != nil {
				return err
			}
			done += n
		}
	}
	return nil
}

func (i *memoryImage) close() error { return i.file.Close() }
