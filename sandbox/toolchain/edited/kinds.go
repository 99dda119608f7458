package edited

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
)

// Beginning and end of the function that is replaced, apart from its switch over the kinds.
const (
	registerSignature = "func(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,\n\topts ...pulumi.ResourceOption) (pulumi.CustomResource, error)"
	registerName      = "RegisterResource"
)

// registration takes the place of upstream's function: the same token for each kind, without its Go
// type, which the caller never looks at.
const registration = `
func RegisterResource(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,
	opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	token, ok := tokens[fmt.Sprintf("%s/%s", apiVersion, kind)]
	if !ok {
		token = fmt.Sprintf("kubernetes:%s:%s", apiVersion, kind)
	}
	var res pulumi.CustomResourceState
	if err := ctx.RegisterResource(token, name, props, &res, opts...); err != nil {
		return nil, err
	}
	return &res, nil
}
`

// withoutTypes turns the function that registers a resource of any kind, a switch with a Go type
// for each, into one with a table of their tokens. With the types go the imports of all of Pulumi's
// Kubernetes SDK: 60 packages, which took 430 CPU seconds to compile.
func withoutTypes(source []byte) ([]byte, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "kinds.go", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	text := func(node ast.Node) string {
		return string(source[files.Position(node.Pos()).Offset:files.Position(node.End()).Offset])
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "package %s\n\nimport (\n\"fmt\"\n\n\"github.com/pulumi/pulumi/sdk/v3/go/pulumi\"\n)\n", file.Name.Name)
	found := false
	for _, declaration := range file.Decls {
		switch declaration := declaration.(type) {
		case *ast.FuncDecl:
			if declaration.Name.Name != registerName {
				fmt.Fprintf(&out, "\n%s\n", text(declaration))
				continue
			}
			if got := "func" + text(declaration.Type)[len("func "+registerName):]; got != registerSignature {
				return nil, fmt.Errorf("%s has another signature: %s", registerName, got)
			}
			tokens, err := tokensOf(declaration)
			if err != nil {
				return nil, err
			}
			found = true
			writeTokens(&out, tokens)
			out.WriteString(registration)
		case *ast.GenDecl:
			if declaration.Tok != token.IMPORT {
				return nil, fmt.Errorf("there is a declaration of another sort: %.60s", text(declaration))
			}
		}
	}
	if !found {
		return nil, errors.New("there is no " + registerName)
	}
	return format.Source(out.Bytes())
}

// tokensOf returns the type token that each case of the function's switch registers, and an error
// if there is anything in it that a table can't say.
func tokensOf(function *ast.FuncDecl) (map[string]string, error) {
	if len(function.Body.List) != 2 {
		return nil, fmt.Errorf("%s consists of %d statements rather than a name and a switch", registerName, len(function.Body.List))
	}
	kinds, ok := function.Body.List[1].(*ast.SwitchStmt)
	if !ok {
		return nil, fmt.Errorf("%s doesn't end with a switch", registerName)
	}
	tokens := map[string]string{}
	for _, statement := range kinds.Body.List {
		clause := statement.(*ast.CaseClause) //nolint:forcetypeassert // a switch holds nothing else
		registered := registeredTokens(clause)
		if clause.List == nil {
			continue // the default, which is the same in the function that comes instead
		}
		if len(registered) != 1 || len(clause.Body) != 4 {
			return nil, fmt.Errorf("a case of %s registers %d types in %d statements", registerName, len(registered), len(clause.Body))
		}
		for _, kind := range clause.List {
			name, err := literal(kind)
			if err != nil {
				return nil, err
			}
			tokens[name] = registered[0]
		}
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s has no cases", registerName)
	}
	return tokens, nil
}

// registeredTokens returns the tokens that are written out in the calls of RegisterResource below
// node.
func registeredTokens(node ast.Node) []string {
	var tokens []string
	ast.Inspect(node, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		if method, ok := call.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == registerName && len(call.Args) > 0 {
			if token, err := literal(call.Args[0]); err == nil {
				tokens = append(tokens, token)
			}
		}
		return true
	})
	return tokens
}

func literal(expression ast.Expr) (string, error) {
	written, ok := expression.(*ast.BasicLit)
	if !ok || written.Kind != token.STRING {
		return "", fmt.Errorf("%s has a text that isn't written out", registerName)
	}
	return strconv.Unquote(written.Value)
}

func writeTokens(out *bytes.Buffer, tokens map[string]string) {
	out.WriteString("\nvar tokens = map[string]string{\n")
	for _, kind := range slices.Sorted(maps.Keys(tokens)) {
		fmt.Fprintf(out, "%q: %q,\n", kind, tokens[kind])
	}
	out.WriteString("}\n")
}
