package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Tag is the struct tag with a setting's name. SecretTag marks a setting, with
// "true", that may be stored as a secret: the program keeps it one. NumericTag marks a
// string, or strings in a map, that may be written as numbers. Other strings can't, since
// YAML changes numbers: of 010 it makes 8, and of 2026.10 it makes 2026.1.
const (
	Tag        = "pulumi"
	SecretTag  = "secret"
	NumericTag = "numeric"
)

// Source is a stack's configuration. A Pulumi program's context is one.
type Source interface {
	// GetConfig returns the value of a key, such as k8s-tunnel:domain, and
	// whether it is set.
	GetConfig(key string) (string, bool)
	// IsConfigSecret reports whether the key is stored as a secret.
	IsConfigSecret(key string) bool
}

// Reader reads the settings of one namespace.
type Reader struct {
	source    Source
	namespace string
	// prefix begins the names of settings in messages.
	prefix string
	// known are the settings that were read, and ignored those that once existed.
	known, ignored []string
	// fields are those of settings that are objects, by their names in lower case and
	// without hyphens, as cloudflared's flags have them.
	fields map[string]string
}

// NewReader returns a reader of a namespace, such as cloudflare.
func NewReader(source Source, namespace string) *Reader {
	return &Reader{source: source, namespace: namespace, prefix: namespace + ":"}
}

// NewProjectReader returns a reader of a project's own settings, which messages
// name without the project.
func NewProjectReader(source Source, project string) *Reader {
	return &Reader{source: source, namespace: project}
}

// Read fills in the fields of a struct, given by a pointer. What is unset or
// invalid stays as it is. All problems are reported at once, each starting with
// the setting that it is about.
func (r *Reader) Read(into any) error {
	var problems []error
	for _, field := range Fields(reflect.TypeOf(into).Elem()) {
		problems = append(problems, r.read(field.Name, reflect.ValueOf(into).Elem().FieldByIndex(field.Index)))
		if key := r.namespace + ":" + field.Name; !field.Secret && r.source.IsConfigSecret(key) {
			problems = append(problems, fmt.Errorf("%s%s: %s", r.prefix, field.Name, r.secret(key)))
		}
	}
	return errors.Join(problems...)
}

// secret says what to do about a setting that must not be a secret. A program isn't told
// which value of a list or an object is one.
func (r *Reader) secret(key string) string {
	if text, _ := r.source.GetConfig(key); strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
		return "contains a value that is stored as a secret, but would be shown in plain text; find it by the word secure in the stack's file, " +
			"and store that value alone, with its path: pulumi config set --plaintext --path '" + key + "…'"
	}
	return "is stored as a secret, but would be shown in plain text; store it with: pulumi config set --plaintext " + key
}

// Ignored reports whether a setting is set that has no effect any more. It isn't
// unknown.
func (r *Reader) Ignored(name string) bool {
	r.ignored = append(r.ignored, name)
	text, _ := r.source.GetConfig(r.namespace + ":" + name)
	return !unset(text)
}

// Field is a field of a struct that is a setting.
type Field struct {
	// Name is the setting's name.
	Name string
	// Type is the field's type.
	Type reflect.Type
	// Index is the field's index, as reflect uses it.
	Index []int
	// Secret reports whether the setting may be stored as a secret.
	Secret bool
	// Struct and GoName say where the field is declared.
	Struct reflect.Type
	GoName string
}

// Fields lists the settings of a struct. Those of an embedded struct come first,
// unless a field of the struct itself has the same name: that takes its place.
// Fields that aren't plain values, such as a component's inputs, are no settings.
func Fields(t reflect.Type) []Field {
	return slices.DeleteFunc(tagged(t), func(f Field) bool { return !plain(f.Type) })
}

// tagged lists all fields with a tag, plain or not.
func tagged(t reflect.Type) []Field {
	var all []Field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			for _, inner := range tagged(f.Type) {
				inner.Index = append([]int{i}, inner.Index...)
				all = append(all, inner)
			}
			continue
		}
		if f.Tag.Get(Tag) == "" {
			continue
		}
		field := Field{Name: f.Tag.Get(Tag), Type: f.Type, Index: []int{i}, Secret: f.Tag.Get(SecretTag) == "true", Struct: t, GoName: f.Name}
		if same := slices.IndexFunc(all, func(other Field) bool { return other.Name == field.Name }); same >= 0 {
			all[same] = field
			continue
		}
		all = append(all, field)
	}
	return all
}

// plain reports whether a setting can have the type.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer:
		return t.Elem().Kind() == reflect.Struct || plain(t.Elem())
	case reflect.Map:
		return t.Elem().Kind() == reflect.String
	case reflect.String, reflect.Int, reflect.Bool, reflect.Slice:
		return true
	}
	return false
}

// unset reports whether a value stands for none: empty text, {} and [] are the defaults
// that Pulumi.yaml has to give to optional settings, and null may arrive as either empty
// text or its name.
func unset(text string) bool {
	return slices.Contains([]string{"", "{}", "[]", "null"}, text)
}

func (r *Reader) read(name string, into reflect.Value) error {
	r.known = append(r.known, name)
	r.addFields(name, into.Type())
	text, _ := r.source.GetConfig(r.namespace + ":" + name)
	if unset(text) {
		return nil
	}
	if into.Kind() == reflect.Pointer && into.Type().Elem().Kind() != reflect.Struct {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	path := r.prefix + name
	switch into.Kind() {
	case reflect.String:
		if timestamp.MatchString(text) {
			return unreadable(path, "%q is %s", text, ofTimestamp)
		}
		into.SetString(text)
	case reflect.Int:
		value, err := strconv.Atoi(text)
		if err != nil || value < 1 {
			return unreadable(path, "%q is not a whole number above 0", text)
		}
		into.SetInt(int64(value))
	case reflect.Bool:
		value, err := strconv.ParseBool(text)
		if err != nil {
			return unreadable(path, "%q is neither true nor false", text)
		}
		into.SetBool(value)
	default:
		return Decode(path, text, into.Addr().Interface())
	}
	return nil
}

// Unknown reports settings that don't exist: they would have no effect.
// configuration is the stack's configuration as Pulumi passes it to programs, a JSON
// object. readers have read the settings that exist; the project's own reader comes
// first. Those of other namespaces are of providers, which may have more settings. A project
// may have a provider's name, and so its namespace.
func Unknown(configuration string, readers ...*Reader) error {
	var all map[string]any
	if configuration == "" || json.Unmarshal([]byte(configuration), &all) != nil {
		return nil // not started by Pulumi's command line
	}
	var problems []error
	for _, full := range slices.Sorted(maps.Keys(all)) {
		namespace, key, _ := strings.Cut(full, ":")
		of := slices.DeleteFunc(slices.Clone(readers), func(r *Reader) bool { return r.namespace != namespace })
		switch {
		case len(of) == 0:
			problems = append(problems, foreign(namespace, key, readers))
		case slices.ContainsFunc(of, func(r *Reader) bool { return r.knows(key) }):
		case of[0] == readers[0]:
			problems = append(problems, fmt.Errorf("%s: no such setting%s", key, hint(key, readers)))
		default:
			problems = append(problems, fmt.Errorf("%s: has no effect in this program; remove it%s", full, suggest(key, of[0].known)))
		}
	}
	return errors.Join(problems...)
}

// knows reports whether a setting exists, or once did.
func (r *Reader) knows(key string) bool {
	return slices.Contains(r.known, key) || slices.Contains(r.ignored, key)
}

// engine is the namespace of Pulumi's own settings.
const engine = "pulumi"

// documentedProject is the project's name in this repository, and so the namespace of
// settings in its documents.
const documentedProject = "k8s-tunnel"

// abbreviations are what people call namespaces of providers.
var abbreviations = map[string]string{"k8s": "kubernetes", "kube": "kubernetes", "cf": "cloudflare"}

// foreign reports a setting in a namespace that nothing here reads, if it was meant for
// one that is read. Other namespaces are those of other programs and providers, which
// may have settings of the same names.
func foreign(namespace, key string, readers []*Reader) error {
	full, own := namespace+":"+key, readers[0]
	if namespace == engine {
		return nil
	}
	if namespace == documentedProject && slices.Contains(own.known, key) {
		return fmt.Errorf("%s: has no effect, because this project is %s; use %s:%s", full, own.namespace, own.namespace, key)
	}
	namespaces := []string{engine}
	for _, reader := range readers[1:] {
		namespaces = append(namespaces, reader.namespace)
	}
	if slices.Contains(own.known, key) {
		namespaces = append(namespaces, own.namespace)
	}
	meant := abbreviations[namespace]
	// Short names are often similar without being misspelt.
	if nearest, distance := closest(namespace, namespaces); distance <= min(2, len(namespace)/4) {
		meant = nearest
	}
	if !slices.Contains(namespaces, meant) {
		return nil
	}
	return fmt.Errorf("%s: has no effect in this program; remove it; did you mean %s:%s?", full, meant, key)
}

// hint suggests what a setting of the project was meant to be.
func hint(key string, readers []*Reader) string {
	for _, provider := range readers[1:] {
		if slices.Contains(provider.known, key) {
			return fmt.Sprintf("; did you mean %s%s?", provider.prefix, key)
		}
	}
	if field := readers[0].fields[bareName(key)]; field != "" {
		return fmt.Sprintf("; did you mean %s?", field)
	}
	return suggest(key, readers[0].known)
}

// addFields notes the fields of a setting that is an object.
func (r *Reader) addFields(name string, of reflect.Type) {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return
	}
	if r.fields == nil {
		r.fields = map[string]string{}
	}
	for i := range of.NumField() {
		if field := of.Field(i).Tag.Get(Tag); field != "" && r.fields[bareName(field)] == "" {
			r.fields[bareName(field)] = name + "." + field
		}
	}
}

// bareName is a name in lower case and without what separates its words.
func bareName(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
}
