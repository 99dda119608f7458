package reference

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s-tunnel/components/settings"
)

// Setting is a row of the reference.
type Setting struct {
	// Name is the setting's name, or its field's.
	Name string
	// Type is the name of its type: string, integer, boolean, array or object.
	Type string
	// Items is the type of an array's items.
	Items string
	// Default is the default as the comment has it; empty without one.
	Default string
	// Constant reports whether Default is a constant's value.
	Constant bool
	// Required reports whether it has to be set.
	Required bool
	// Meaning is the rest of its comment.
	Meaning string

	kind reflect.Type
}

// Block is a group of settings: all of a struct.
type Block struct {
	// Paths are where the struct is used, such as networkPolicy.dns[]; none for
	// the settings themselves.
	Paths []string
	// Settings are its fields.
	Settings []Setting

	kind reflect.Type
}

// Reference is what there is to say of a program's settings.
type Reference struct {
	// Blocks are the settings themselves, and then a block for each struct below
	// them.
	Blocks []Block

	source *source
}

// New returns the reference of the settings that are read into a struct.
// directories hold the packages of that struct and of all structs below.
func New(root reflect.Type, directories ...string) (*Reference, error) {
	source, err := parse(directories)
	if err != nil {
		return nil, err
	}
	r := &Reference{source: source}
	r.collect(root)
	for i := range r.Blocks {
		block := &r.Blocks[i]
		for _, field := range settings.Fields(block.kind) {
			setting, err := r.setting(field)
			if err != nil {
				return nil, err
			}
			block.Settings = append(block.Settings, setting)
		}
	}
	return r, nil
}

// collect adds a block for each struct of the source, those nearest to the root
// first.
func (r *Reference) collect(root reflect.Type) {
	type use struct {
		kind reflect.Type
		path string
	}
	for next := []use{{root, ""}}; len(next) > 0; next = next[1:] {
		kind, path := next[0].kind, next[0].path
		if i := slices.IndexFunc(r.Blocks, func(b Block) bool { return b.kind == kind }); i >= 0 {
			r.Blocks[i].Paths = append(r.Blocks[i].Paths, path)
			continue
		}
		block, prefix := Block{kind: kind}, ""
		if path != "" {
			block.Paths, prefix = []string{path}, path+"."
		}
		r.Blocks = append(r.Blocks, block)
		for _, field := range settings.Fields(kind) {
			if inner, suffix := element(field.Type); r.documents(inner) {
				next = append(next, use{inner, prefix + field.Name + suffix})
			}
		}
	}
}

// documents reports whether a type is a struct of the source, and not one of another
// module that has the same name.
func (r *Reference) documents(t reflect.Type) bool {
	module := strings.TrimSuffix(reflect.TypeFor[Reference]().PkgPath(), "components/internal/reference")
	return t.Kind() == reflect.Struct && strings.HasPrefix(t.PkgPath(), module) && r.source.structs[t.Name()]
}

// element is the type of an array's items or behind a pointer, and the end of the
// path that leads there.
func element(t reflect.Type) (reflect.Type, string) {
	switch t.Kind() {
	case reflect.Slice:
		inner, suffix := element(t.Elem())
		return inner, "[]" + suffix
	case reflect.Pointer:
		return t.Elem(), ""
	}
	return t, ""
}

var (
	link         = regexp.MustCompile(`\[([A-Z]\w*)(?:\.([A-Z]\w*))?\]`)
	defaultsTo   = regexp.MustCompile(`(?:^| )Defaults to (.+?)\.(?: |$)`)
	requiredMark = regexp.MustCompile(`(?:^| )Required\.(?: |$)`)
)

func (r *Reference) setting(field settings.Field) (Setting, error) {
	comment := r.source.fields[field.Struct.Name()+"."+field.GoName]
	if comment == "" {
		return Setting{}, fmt.Errorf("%s.%s has no comment", field.Struct.Name(), field.GoName)
	}
	for _, match := range link.FindAllStringSubmatch(comment, -1) {
		if r.target(match[1], match[2]) == "" {
			return Setting{}, fmt.Errorf("the comment of %s.%s links to %s, which is neither a constant nor a setting", field.Struct.Name(), field.GoName, match[0])
		}
	}
	s := Setting{Name: field.Name, kind: field.Type}
	s.Type, s.Items = typeNames(field.Type)
	if match := defaultsTo.FindStringSubmatch(comment); match != nil {
		s.Constant = link.FindString(match[1]) == match[1]
		s.Default = strings.ReplaceAll(r.resolve(match[1]), "`", "")
		comment = defaultsTo.ReplaceAllString(comment, " ")
	}
	if requiredMark.MatchString(comment) {
		s.Required = true
		comment = requiredMark.ReplaceAllString(comment, " ")
	}
	comment = strings.TrimPrefix(strings.TrimSpace(comment), field.GoName+" ")
	for _, verb := range []string{"is ", "are "} {
		comment = strings.TrimPrefix(comment, verb)
	}
	first, size := utf8.DecodeRuneInString(comment)
	s.Meaning = r.resolve(string(unicode.ToUpper(first)) + comment[size:])
	return s, nil
}

// typeNames are the names that the reference has for a type and for its items.
func typeNames(t reflect.Type) (name, items string) {
	switch t.Kind() {
	case reflect.Pointer:
		return typeNames(t.Elem())
	case reflect.String:
		return "string", ""
	case reflect.Int:
		return "integer", ""
	case reflect.Bool:
		return "boolean", ""
	case reflect.Slice:
		items, _ := typeNames(t.Elem())
		return "array", items
	}
	return "object", ""
}

// resolve replaces the links of a comment.
func (r *Reference) resolve(comment string) string {
	return link.ReplaceAllStringFunc(comment, func(found string) string {
		match := link.FindStringSubmatch(found)
		return "`" + r.target(match[1], match[2]) + "`"
	})
}

// target is what a link leads to: a constant's value, or where a struct or one of its fields is set. It
// is empty for anything else.
func (r *Reference) target(name, goName string) string {
	if value, isConstant := r.source.constants[name]; isConstant {
		return value
	}
	for _, block := range r.Blocks {
		path := ""
		if len(block.Paths) > 0 {
			path = block.Paths[0]
		}
		if goName == "" && block.kind.Name() == name {
			return path
		}
		for _, field := range settings.Fields(block.kind) {
			if field.Struct.Name() == name && field.GoName == goName {
				return strings.TrimPrefix(path+"."+field.Name, ".")
			}
		}
	}
	return ""
}
