package function

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/chargehand/chargehand/puppet/pcore"
)

func fileFunctions(t *Table) {
	t.addLegacy("file", -2, readFile)
	t.add("binary_file", on("String path", func(c *call) (pcore.Value, error) {
		if files, ok := c.env.(Files); ok {
			if text, found, err := files.ReadFile(c.args[0].String()); found || err != nil {
				return pcore.Binary(text), err
			}
		}
		return nil, fmt.Errorf("binary_file(): The given file '%s' does not exist", c.args[0])
	}))
	for name, kind := range map[string]string{"find_file": "files", "find_template": "templates"} {
		find := func(c *call) (pcore.Value, error) {
			return firstFound(c, func(files Files, name string) string { return files.FindFile(kind, name) })
		}
		t.add(name, on("String paths*", find), on("Array[String] paths_array*", find))
	}
	dir := func(c *call) (pcore.Value, error) {
		return firstFound(c, Files.ModuleDir)
	}
	t.add("module_directory", on("String names*", dir), on("Array[String] names*", dir))
	t.addLegacy("generate", -2, generate)
	t.add("puppetdb_query", on("Variant[String[1], Array[Data, 1]] query", func(c *call) (pcore.Value, error) {
		db, ok := c.env.(PuppetDB)
		if !ok {
			return nil, errors.New("Function puppetdb_query needs a PuppetDB, and none is configured")
		}
		return db.Query(c.args[0])
	}))
}

func firstFound(c *call, find func(files Files, name string) string) (pcore.Value, error) {
	files, ok := c.env.(Files)
	if !ok {
		return pcore.Undef{}, nil
	}
	for _, v := range flattenAll(c.args) {
		if path := find(files, v.String()); path != "" {
			return pcore.String(path), nil
		}
	}
	return pcore.Undef{}, nil
}

func readFile(c *call) (pcore.Value, error) {
	files, ok := c.env.(Files)
	names := make([]string, 0, len(c.args))
	for _, v := range flattenAll(c.args) {
		names = append(names, v.String())
		if !ok {
			continue
		}
		text, found, err := files.ReadFile(v.String())
		if found || err != nil {
			return pcore.String(text), err
		}
	}
	return nil, fmt.Errorf("Could not find any files from %s", strings.Join(names, ", "))
}

var commandName = regexp.MustCompile(`^[-/\w.+]+$`)

func generate(c *call) (pcore.Value, error) {
	argv := make([]string, len(c.args))
	for i, a := range c.args {
		argv[i] = a.String()
	}
	switch name := argv[0]; {
	case !strings.HasPrefix(name, "/"):
		return nil, errors.New("Generators must be fully qualified")
	case !commandName.MatchString(name):
		return nil, errors.New("Generators can only contain alphanumerics, file separators, and dashes")
	case strings.Contains(name, ".."):
		return nil, errors.New("Can not use generators with '..' in them.")
	}
	commands, ok := c.env.(Commands)
	if !ok {
		return nil, errors.New("Failed to execute generator " + argv[0] + ": running commands is not allowed here")
	}
	out, err := commands.Generate(argv)
	if err != nil {
		return nil, fmt.Errorf("Failed to execute generator %s: %w", argv[0], err)
	}
	return pcore.String(out), nil
}
