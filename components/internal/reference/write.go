package reference

import (
	"fmt"
	"reflect"
	"strings"
)

// Markdown returns the reference as tables: one of the settings, and one with a
// heading for each block. level is the headings' level.
func (r *Reference) Markdown(level int) string {
	var out strings.Builder
	for _, block := range r.Blocks {
		if len(block.Paths) > 0 {
			fmt.Fprintf(&out, "\n%s `%s`\n", strings.Repeat("#", level), strings.Join(block.Paths, "`, `"))
		}
		out.WriteString("\n| name | type | default | meaning |\n| --- | --- | --- | --- |\n")
		for _, s := range block.Settings {
			fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", s.Name, s.typeText(), s.defaultText(), markdown.Replace(s.Meaning))
		}
	}
	return out.String()
}

// markdown escapes what would be markup.
var markdown = strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`)

func (s Setting) typeText() string {
	t := s.kind
	switch {
	case t.Kind() == reflect.Map:
		return "map of strings"
	case s.Type == "array":
		return "array of " + s.Items + "s"
	}
	return s.Type
}

func (s Setting) defaultText() string {
	switch {
	case s.Required:
		return "required"
	case s.Default == "":
		return ""
	case s.Constant || !strings.Contains(s.Default, " "):
		return "`" + s.Default + "`"
	}
	return s.Default
}

// ProjectConfig returns the settings as the config section of Pulumi.yaml. Each has
// a default, as those without one are required by Pulumi's command line before
// the program can say what is missing. None has a type, as the command line would
// stop at the first value of another one before the program can report all of them.
func (r *Reference) ProjectConfig() string {
	var out strings.Builder
	out.WriteString("config:\n")
	for _, s := range r.Blocks[0].Settings {
		fmt.Fprintf(&out, "  %s:\n    default: %s\n    description: >-\n%s", s.Name, s.projectDefault(), wrap(s.description(), "      ", 110))
	}
	return out.String()
}

// projectDefault is the default in Pulumi.yaml, which is the empty value unless it is a
// constant.
func (s Setting) projectDefault() string {
	if s.Constant {
		return s.Default
	}
	switch s.Type {
	case "boolean":
		return "false"
	case "array":
		return "[]"
	case "object":
		return "{}"
	}
	return `""`
}

// description is the meaning with what Markdown has in a column of its own.
func (s Setting) description() string {
	text := strings.ReplaceAll(s.Meaning, "`", "")
	switch {
	case s.Required:
		text += " Required."
	case s.Default != "" && !s.Constant:
		text += " Defaults to " + s.Default + "."
	}
	return text
}

// wrap breaks a text into lines of at most width characters, each with an indent.
func wrap(text, indent string, width int) string {
	var out strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > width && strings.TrimSpace(line) != "" {
			out.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word + " "
	}
	return out.String() + strings.TrimRight(line, " ") + "\n"
}
