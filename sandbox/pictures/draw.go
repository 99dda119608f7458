package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"text/template"
)

//go:embed overview.svg.tmpl
var overview string

// theme holds the colours of a picture.
type theme struct {
	Page, Panel, Made    string // what shapes are filled with
	Ink, Soft            string // texts
	Line, Border, Accent string // strokes
	ansi                 [16]string
}

// themes are those of a page as GitHub shows it.
var themes = map[string]theme{
	"light": {
		Page: "#ffffff", Panel: "#f6f8fa", Made: "#fff4ea",
		Ink: "#1f2328", Soft: "#59636e",
		Line: "#818b98", Border: "#d1d9e0", Accent: "#bc4c00",
		ansi: [16]string{
			"#1f2328", "#cf222e", "#116329", "#7d4e00", "#0969da", "#8250df", "#1b7c83", "#59636e",
			"#59636e", "#a40e26", "#1a7f37", "#633c01", "#218bff", "#8250df", "#3192aa", "#818b98",
		},
	},
	"dark": {
		Page: "#0d1117", Panel: "#151b23", Made: "#2a1c10",
		Ink: "#f0f6fc", Soft: "#9198a1",
		Line: "#7d8590", Border: "#3d444d", Accent: "#f0883e",
		ansi: [16]string{
			"#9198a1", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4",
			"#7d8590", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#f0f6fc",
		},
	},
}

// draw returns the files with all pictures, by name. recording is the file with the terminal's.
func draw(recording string) (map[string][]byte, error) {
	shape, err := template.New("overview").Option("missingkey=error").Parse(overview)
	if err != nil {
		return nil, err
	}
	recorded, err := os.ReadFile(recording)
	if err != nil {
		return nil, fmt.Errorf("%w; make still records one", err)
	}
	pictures := map[string][]byte{}
	for name, colours := range themes {
		var out bytes.Buffer
		if err := shape.Execute(&out, colours); err != nil {
			return nil, err
		}
		pictures["overview-"+name+".svg"] = out.Bytes()
		pictures["terminal-"+name+".svg"] = still(recorded, colours)
	}
	return pictures, nil
}
