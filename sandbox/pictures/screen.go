package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cell is a character on the screen.
type cell struct {
	char  rune
	style style
}

type style struct {
	colour int // 1 to 16 for the terminal's colours, 0 for that of text
	bold   bool
}

// screen is a terminal that is as long as it has to be. It knows what our commands and Pulumi write:
// text, colours, and what rewrites lines.
type screen struct {
	lines    [][]cell
	row, col int
	style    style
}

func (s *screen) Write(text []byte) (int, error) {
	for rest := text; len(rest) > 0; {
		if rest[0] == '\x1b' {
			rest = rest[s.escape(rest):]
			continue
		}
		char, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		switch {
		case char == '\n':
			s.row, s.col = s.row+1, 0
		case char == '\r':
			s.col = 0
		case char == '\b':
			s.col = max(0, s.col-1)
		case char == '\t':
			s.col += 8 - s.col%8
		case char >= ' ':
			s.put(char)
		}
	}
	return len(text), nil
}

func (s *screen) put(char rune) {
	line := s.line()
	for len(*line) <= s.col {
		*line = append(*line, cell{char: ' '})
	}
	(*line)[s.col] = cell{char, s.style}
	s.col++
}

// line returns the line that the cursor is in.
func (s *screen) line() *[]cell {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, nil)
	}
	return &s.lines[s.row]
}

// escape follows the sequence that text begins with, and returns its length.
func (s *screen) escape(text []byte) int {
	if len(text) < 2 {
		return len(text)
	}
	switch text[1] {
	case '[':
		for i := 2; i < len(text); i++ {
			if text[i] >= '@' && text[i] <= '~' {
				s.control(text[i], string(text[2:i]))
				return i + 1
			}
		}
		return len(text)
	case ']': // a title or a link, which ends in BEL or ESC \
		for i := 2; i < len(text); i++ {
			if text[i] == '\a' {
				return i + 1
			}
			if text[i] == '\x1b' {
				return min(i+2, len(text))
			}
		}
		return len(text)
	}
	return 2
}

func (s *screen) control(kind byte, parameters string) {
	count, err := strconv.Atoi(parameters)
	if err != nil || count == 0 {
		count = 1
	}
	switch kind {
	case 'A':
		s.row = max(0, s.row-count)
	case 'B':
		s.row += count
	case 'C':
		s.col += count
	case 'D':
		s.col = max(0, s.col-count)
	case 'G':
		s.col = count - 1
	case 'J':
		if parameters == "" || parameters == "0" {
			s.erase()
			s.lines = s.lines[:s.row+1]
		}
	case 'K':
		switch parameters {
		case "", "0":
			s.erase()
		case "2":
			*s.line() = nil
		}
	case 'm':
		s.dress(strings.Split(parameters, ";"))
	}
}

// erase clears the line from the cursor on.
func (s *screen) erase() {
	line := s.line()
	*line = (*line)[:min(s.col, len(*line))]
}

// dress changes the style of what follows.
func (s *screen) dress(parameters []string) {
	for i := 0; i < len(parameters); i++ {
		number, _ := strconv.Atoi(parameters[i])
		switch {
		case number == 0:
			s.style = style{}
		case number == 1:
			s.style.bold = true
		case number == 22:
			s.style.bold = false
		case number >= 30 && number <= 37:
			s.style.colour = number - 29
		case number >= 90 && number <= 97:
			s.style.colour = number - 81
		case number == 39:
			s.style.colour = 0
		case (number == 38 || number == 48) && i+2 < len(parameters) && parameters[i+1] == "5":
			if colour, _ := strconv.Atoi(parameters[i+2]); number == 38 && colour < 16 {
				s.style.colour = colour + 1
			}
			i += 2
		}
	}
}

// trimmed returns the lines without spaces at their ends.
func (s *screen) trimmed() [][]cell {
	lines := make([][]cell, len(s.lines))
	for i, line := range s.lines {
		end := len(line)
		for end > 0 && line[end-1].char == ' ' {
			end--
		}
		lines[i] = line[:end]
	}
	return lines
}

func plain(line []cell) string {
	var text strings.Builder
	for _, c := range line {
		text.WriteRune(c.char)
	}
	return text.String()
}

// stretch is a part of a line in one style, with the spaces after it.
type stretch struct {
	column int
	text   string
	style  style
}

// stretches divides a line.
func stretches(line []cell) []stretch {
	var all []stretch
	for column, c := range line {
		last := len(all) - 1
		if last < 0 || (all[last].style != c.style && c.char != ' ') {
			all = append(all, stretch{column: column, style: c.style})
			last++
		}
		all[last].text += string(c.char)
	}
	return all
}

// encoded returns lines as text that a terminal shows in the same way.
func encoded(lines [][]cell) []byte {
	var out strings.Builder
	for _, line := range lines {
		for _, part := range stretches(line) {
			codes := []string{}
			if part.style.bold {
				codes = append(codes, "1")
			}
			if part.style.colour > 0 {
				codes = append(codes, fmt.Sprintf("38;5;%d", part.style.colour-1))
			}
			if len(codes) == 0 {
				out.WriteString(part.text)
				continue
			}
			fmt.Fprintf(&out, "\x1b[%sm%s\x1b[0m", strings.Join(codes, ";"), part.text)
		}
		out.WriteByte('\n')
	}
	return []byte(out.String())
}
