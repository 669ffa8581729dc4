package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"casesync/adapters/identity"
	"casesync/domain/access"
)

type tokenCommand struct {
	Issue  tokenIssueCommand  `cmd:"" help:"Issue a token and print it, this once."`
	List   tokenListCommand   `cmd:"" help:"List the tokens that were issued."`
	Revoke tokenRevokeCommand `cmd:"" help:"Revoke a token: it stops working within a second, everywhere."`
}

type tokenIssueCommand struct {
	Role    string        `help:"What the token may do: cms, auditor, operator, helpdesk or security." required:"" enum:"cms,auditor,operator,helpdesk,security"`
	Name    string        `help:"What the token is for, to whoever lists tokens." placeholder:"TEXT"`
	Source  string        `help:"The one CloudEvents source that a cms token may publish for." placeholder:"URI"`
	Expires time.Duration `help:"How long the token works, such as 2160h; 0 for ever." default:"0s"`
}

// Help is shown below the command's flags.
func (tokenIssueCommand) Help() string {
	return `The token alone is printed on standard output; it is kept as a hash and cannot be shown again.

Examples:
  casesync token issue --role cms --source https://cms.example.org --name 'case system'
  curl -H "Authorization: Bearer $(casesync token issue --role auditor)" http://127.0.0.1:8080/api/v1/cases`
}

// Run issues a token.
func (c tokenIssueCommand) Run(ctx context.Context, p *program) error {
	s := p.system()
	defer s.close()
	tokens, err := s.tokens(ctx)
	if err != nil {
		return err
	}
	spec := identity.Spec{Role: access.Role(c.Role), Name: c.Name, Source: c.Source}
	if c.Expires < 0 {
		return usage("--expires is %s: the token would have expired already", c.Expires)
	}
	if c.Expires > 0 {
		spec.ExpiresAt = p.now().Add(c.Expires)
	}
	token, err := tokens.Issue(ctx, spec)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, token)
	return err
}

type tokenListCommand struct{}

// Run lists tokens.
func (tokenListCommand) Run(ctx context.Context, p *program) error {
	s := p.system()
	defer s.close()
	tokens, err := s.tokens(ctx)
	if err != nil {
		return err
	}
	list, err := tokens.List(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tMAY\tISSUED\tEXPIRES\tREVOKED")
	for _, t := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, may(t.Principal), moment(t.IssuedAt), moment(t.ExpiresAt), moment(t.RevokedAt))
	}
	return table.Flush()
}

// may says in a few words what a principal may do.
func may(principal access.Principal) string {
	if len(principal.Grants) > 0 {
		return fmt.Sprintf("user of %d businesses", len(principal.Grants))
	}
	text := strings.Trim(fmt.Sprint(principal.Roles), "[]")
	if principal.Source != "" {
		text += " as " + principal.Source
	}
	return text
}

type tokenRevokeCommand struct {
	ID string `arg:"" help:"The token's id, as token list shows it."`
}

// Run revokes a token.
func (c tokenRevokeCommand) Run(ctx context.Context, p *program) error {
	s := p.system()
	defer s.close()
	tokens, err := s.tokens(ctx)
	if err != nil {
		return err
	}
	if err := tokens.Revoke(ctx, c.ID); errors.Is(err, identity.ErrNotFound) {
		return fmt.Errorf("there is no token %s: casesync token list shows those there are", c.ID)
	} else if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "token %s is revoked\n", c.ID)
	return err
}

// moment shows a time to people; a time that never was is "-".
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
