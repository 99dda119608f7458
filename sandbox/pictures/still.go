package main

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// Sizes in the still, in its own units. The advance is that of common fixed-width fonts.
const (
	fontSize   = 13.0
	advance    = fontSize * 0.602
	lineHeight = 19.0
	margin     = 16.0
)

const fixedWidth = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

// still draws what a terminal shows.
func still(recorded []byte, colours theme) []byte {
	var s screen
	_, _ = s.Write(recorded)
	lines, columns := s.trimmed(), 0
	for _, line := range lines {
		columns = max(columns, len(line))
	}
	width, height := 2*margin+float64(columns)*advance, 2*margin+float64(len(lines))*lineHeight
	var out bytes.Buffer
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" font-family=\"%s\" font-size=\"%.0f\">\n",
		width, height, fixedWidth, fontSize)
	fmt.Fprintf(&out, "<title>What make up and make down print</title>\n")
	fmt.Fprintf(&out, "<rect x=\"0.5\" y=\"0.5\" width=\"%.0f\" height=\"%.0f\" rx=\"8\" fill=\"%s\" stroke=\"%s\"/>\n",
		width-1, height-1, colours.Panel, colours.Border)
	for row, line := range lines {
		for _, part := range stretches(line) {
			text := strings.TrimRight(part.text, " ")
			indent := len(text) - len(strings.TrimLeft(text, " "))
			if text = text[indent:]; text == "" {
				continue
			}
			// The length keeps columns in line, whatever the font.
			fmt.Fprintf(&out, "<text x=\"%.1f\" y=\"%.1f\" textLength=\"%.1f\" xml:space=\"preserve\" fill=\"%s\"%s>%s</text>\n",
				margin+float64(part.column+indent)*advance, margin+float64(row)*lineHeight+fontSize+1,
				float64(utf8.RuneCountInString(text))*advance, colours.of(part.style), weight(part.style), html.EscapeString(text))
		}
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

func (t theme) of(s style) string {
	if s.colour == 0 {
		return t.Ink
	}
	return t.ansi[s.colour-1]
}

func weight(s style) string {
	if s.bold {
		return ` font-weight="600"`
	}
	return ""
}
