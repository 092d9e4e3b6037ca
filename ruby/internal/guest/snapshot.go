package guest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/experimental"
)

// A Snapshot is a VM at rest: its memory, shared copy-on-write with every VM
// that is restored from it.
type Snapshot struct {
	image   *memoryImage
	globals []uint64
}

// Snapshot keeps the VM's present state. The VM must not be inside a call.
func (vm *VM) Snapshot() (*Snapshot, error) {
	m := vm.mod.Memory()
	data, ok := m.Read(0, m.Size())
	if !ok {
		return nil, errors.New("read the memory of the guest")
	}
	image, err := newMemoryImage(data)
	if err != nil {
		return nil, fmt.Errorf("keep the memory of the guest: %w", err)
	}
	return &Snapshot{image: image, globals: vm.globals()}, nil
}

// Size is the snapshot's linear memory in bytes.
func (s *Snapshot) Size() int { return s.image.size }

// Close frees the snapshot; VMs restored from it keep what they have mapped.
func (s *Snapshot) Close() error { return s.image.close() }

// Restore makes a VM that continues where the snapshot was taken.
func (p *Program) Restore(ctx context.Context, snap *Snapshot, s Streams) (*VM, error) {
	vm, err := p.instantiate(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := vm.load(snap); err != nil {
		return nil, errors.Join(err, vm.Close())
	}
	return vm, nil
}

func (vm *VM) load(snap *Snapshot) error {
	m := vm.mod.Memory()
	if missing := snap.Size() - int(m.Size()); missing > 0 {
		if _, ok := m.Grow(uint32(missing / pageSize)); !ok {
			return errors.New("grow the memory of the guest to the snapshot's size")
		}
	}
	if !slices.Equal(vm.globals(), snap.globals) {
		return errors.New("the snapshot was taken inside a call")
	}
	return vm.memory.overlay(snap.image)
}

// Reset takes the VM back to the snapshot it was restored from. It reports false
// when the VM has grown or is otherwise not at rest, and must be closed.
func (vm *VM) Reset(snap *Snapshot) bool {
	return !vm.mod.IsClosed() && int(vm.mod.Memory().Size()) == snap.Size() && vm.load(snap) == nil
}

// restGlobals are the stack pointer and whether the stack is being unwound; the
// third global is where it was unwound to last, which the next time sets again.
const restGlobals = 2

// globals are those of the guest's registers that a VM at rest has like a new one.
func (vm *VM) globals() []uint64 {
	mod, ok := vm.mod.(experimental.InternalModule)
	if !ok {
		return nil
	}
	values := make([]uint64, min(restGlobals, mod.NumGlobal()))
	for i := range values {
		values[i] = mod.Global(i).Get()
	}
	return values
}
