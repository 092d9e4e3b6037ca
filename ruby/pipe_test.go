package ruby

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
)

func TestPipe(t *testing.T) {
	why := errors.New("why")
	p := newPipe()
	long := strings.Repeat("0123456789", 100_000)
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, text := range []string{"a", "", long} {
			if n, err := p.Write([]byte(text)); n != len(text) || err != nil {
				t.Errorf("wrote %d of %d, %v", n, len(text), err)
			}
		}
		p.Close(why)
		p.Close(io.EOF)
	})
	got, err := io.ReadAll(p)
	if string(got) != "a"+long || !errors.Is(err, why) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	wg.Wait()
	if n, err := p.Write([]byte("late")); n != 0 || !errors.Is(err, why) {
		t.Errorf("after the end: wrote %d, %v", n, err)
	}
}

func TestPipeHoldsLittle(t *testing.T) {
	p := newPipe()
	wrote := make(chan int)
	go func() {
		n, _ := p.Write(make([]byte, 10*pipePiece))
		wrote <- n
	}()
	if _, err := io.ReadFull(p, make([]byte, pipePiece)); err != nil {
		t.Fatal(err)
	}
	p.Close(io.EOF)
	if n := <-wrote; n > 3*pipePiece {
		t.Errorf("%d bytes were taken though one piece was read", n)
	}
}
