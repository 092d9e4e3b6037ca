package ui

import "github.com/a-h/templ"

// An errorPage says what went wrong.
type errorPage struct{ Title, Message string }

// describe ties a control to its error or help, for screen readers.
func describe(in input) templ.Attributes {
	switch {
	case in.Error != "":
		return templ.Attributes{"aria-invalid": "true", "aria-describedby": in.Name + "-problem"}
	case in.Help != "":
		return templ.Attributes{"aria-describedby": in.Name + "-help"}
	}
	return templ.Attributes{}
}
