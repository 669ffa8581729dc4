package httpapi

import (
	"fmt"
	"slices"
	"strings"

	"casesync/domain/access"
)

// PermissionsDocument returns what schemas/api/permissions.md keeps: which role may what, which route
// and which command it may use. All of it comes from the tables that decide it.
func PermissionsDocument() string {
	var b strings.Builder
	b.WriteString(`# Roles, permissions, routes and commands

Made from the tables that decide each request: ` + "`make generate`" + ` writes this file anew, and a test compares it.
Whatever is not marked here is refused.

Roles of business users (` + rolesWhere(access.Role.OfBusiness) + `) are held per business; a person's permissions there are the union of
what the roles give. Roles of the Financial Ombudsman Service (` + rolesWhere(func(r access.Role) bool { return !r.OfBusiness() }) + `)
are held for all businesses. Of a business's cases, figures, documents, changes and users a person sees nothing before
the terms of use in force are accepted on its behalf: that is, all that needs another permission than ` + permissionNames(beforeTerms) + `.

## What each role may

`)
	permissionTable(&b)
	b.WriteString("\n## Who may use each route\n\nPublic routes need no permission, and show nothing of any business; those of a link need its token.\n\n")
	routeTable(&b)
	b.WriteString(`
## Who may give each command

A command is one thing asked of a decider. Beside the marks: rules of the decider hold as well, such as that administrators
are made by operators alone. The offices are no roles: *anybody* needs not be signed in; *token holder* has the token that
was mailed for this very thing; *oneself* is the person whose account it is, whatever the roles; *system* is a part of the
system, by its rules or in the course of another command.

`)
	commandTable(&b)
	return b.String()
}

func rolesWhere(is func(access.Role) bool) string {
	return joined(slices.DeleteFunc(access.Roles(), func(r access.Role) bool { return !is(r) }), ", ")
}

func permissionNames(permissions []access.Permission) string {
	names := make([]string, len(permissions))
	for i, permission := range permissions {
		names[i] = "`" + string(permission) + "`"
	}
	return strings.Join(names, ", ")
}

// head writes the head of a table: some columns, and one for each role.
func head(b *strings.Builder, columns ...string) {
	for _, role := range access.Roles() {
		columns = append(columns, string(role))
	}
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
}

// row writes a row of a table, with a mark for each role that may.
func row(b *strings.Builder, may func(access.Role) bool, columns ...string) {
	for _, role := range access.Roles() {
		mark := ""
		if may(role) {
			mark = "✓"
		}
		columns = append(columns, mark)
	}
	fmt.Fprintf(b, "| %s |\n", strings.Join(columns, " | "))
}

func permissionTable(b *strings.Builder) {
	head(b, "permission", "allows to")
	for _, permission := range access.Permissions() {
		row(b, func(r access.Role) bool { return r.Gives(permission) }, "`"+string(permission)+"`", permission.Description())
	}
}

func routeTable(b *strings.Builder) {
	head(b, "route", "permission")
	for _, route := range routes {
		permission := "`" + joined(route.needs(), "` or `") + "`"
		if route.Public {
			permission = "public"
		}
		row(b, func(r access.Role) bool { return slices.Contains(route.AllowedTo(), r) }, "`"+route.Operation()+"`", permission)
	}
}

// offices are the permissions that no role gives, as they are shown.
var offices = map[access.Permission]string{
	access.Anybody: "anybody", access.TokenHolder: "token holder", access.Oneself: "oneself", access.System: "system",
}

func commandTable(b *strings.Builder) {
	head(b, "command", "also")
	for _, command := range access.Commands() {
		needs := access.CommandNeeds(command)
		var also []string
		for _, permission := range needs {
			if office, is := offices[permission]; is {
				also = append(also, office)
			}
		}
		row(b, func(r access.Role) bool { return slices.ContainsFunc(needs, r.Gives) }, "`"+string(command)+"`", strings.Join(also, ", "))
	}
}
