package syntax

import (
	"sort"
	"unicode/utf8"
)

// Source is a text with the name it was read under. It is immutable once
// parsed and may be shared.
type Source struct {
	File  string
	Text  string
	lines []int // offsets of line starts
}

// NewSource indexes the lines of text.
func NewSource(file, text string) *Source {
	lines := make([]int, 1, 64)
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			lines = append(lines, i+1)
		}
	}
	return &Source{File: file, Text: text, lines: lines}
}

// Line is the 1-based line of an offset.
func (s *Source) Line(offset int) int {
	return sort.SearchInts(s.lines, offset+1)
}

// Column is the 1-based column of an offset in characters.
func (s *Source) Column(offset int) int {
	if offset > len(s.Text) {
		offset = len(s.Text)
	}
	if offset < 0 {
		offset = 0
	}
	start := s.lines[s.Line(offset)-1]
	return utf8.RuneCountInString(s.Text[start:offset]) + 1
}
