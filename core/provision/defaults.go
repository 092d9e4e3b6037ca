package provision

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/chargehand/chargehand/internal/errs"
)

//go:embed templates
var templateFiles embed.FS

// A Default is a template that comes with the program.
type Default struct {
	Metadata
	Text string // whole, with its header
}

// Defaults are the templates, snippets and partition tables that a new site
// starts with, by model, kind and name.
func Defaults() ([]Default, error) {
	var all []Default
	err := fs.WalkDir(templateFiles, "templates", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := templateFiles.ReadFile(file)
		if err != nil {
			return err
		}
		m, _, err := ParseMetadata(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", path.Base(file), err)
		}
		all = append(all, Default{Metadata: *m, Text: string(text)})
		return nil
	})
	slices.SortFunc(all, func(a, b Default) int {
		return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return all, err
}

// DefaultLibrary finds the snippets among Defaults, for where no others are kept.
type DefaultLibrary map[string]string

// NewDefaultLibrary makes one.
func NewDefaultLibrary() (DefaultLibrary, error) {
	all, err := Defaults()
	if err != nil {
		return nil, err
	}
	lib := DefaultLibrary{}
	for _, d := range all {
		if d.IsSnippet() {
			lib[d.Name] = d.Text
		}
	}
	return lib, nil
}

// Snippet implements Library.
func (l DefaultLibrary) Snippet(_ context.Context, name string) (Template, error) {
	text, ok := l[name]
	if !ok {
		return Template{}, errs.New(errs.NotFound, "there is no snippet %q", name)
	}
	return Template{Name: name, Text: text}, nil
}
