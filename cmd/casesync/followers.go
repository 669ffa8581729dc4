package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"casesync/adapters/commands"
	"casesync/adapters/reactions"
)

// followerNames are the subscriptions of the log that keep a checkpoint in the state database.
var followerNames = []string{reactions.SessionsName, reactions.Name, reactions.CasesName, mailFollower, outboxFollower}

// followersCommand looks after what follows the log beside the read models.
type followersCommand struct {
	List    followersListCommand    `cmd:"" help:"List what follows the log, and how far each is."`
	Restart followersRestartCommand `cmd:"" help:"Have one begin anew, after the log or the state was restored."`
}

type followersListCommand struct{}

// Run lists followers.
func (followersListCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	log, err := s.log(ctx)
	if err != nil {
		return err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	checkpoints, err := s.checkpoints(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FOLLOWER\tCHECKPOINT\tHEAD")
	for _, name := range followerNames {
		place, err := checkpoints.Place(ctx, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", name, place.At, head.Position)
	}
	return table.Flush()
}

type followersRestartCommand struct {
	Name string `arg:"" help:"The follower, as followers list shows it."`
	decision
}

// Help is shown below the command's flags.
func (followersRestartCommand) Help() string {
	return `A follower stops where the log is not the one that it followed, or was restored to before its checkpoint: nobody can say what was
missed then. Begun anew, it goes over the whole log. What was done is not done twice: reactions look at the log as it is before
they take anything away, a mail that is known is not sent again, and events older than three days are not mailed. The outbox publishes
facts again, under the ids that they had; uploads and notifications that went out stay out.

Example:
  casesync followers restart reactions --reason "log restored from the backup of 31 January"`
}

// Run has a follower begin anew.
func (c followersRestartCommand) Run(ctx context.Context, p *program) error {
	if !slices.Contains(followerNames, c.Name) {
		return usage("there is no follower %q: there are %s", c.Name, strings.Join(followerNames, ", "))
	}
	s := p.installed()
	defer s.close()
	if _, err := s.log(ctx); err != nil { // a mistyped directory must not look as if it was done
		return err
	}
	activities, err := s.activity(ctx)
	if err != nil {
		return err
	}
	checkpoints, err := s.checkpoints(ctx)
	if err != nil {
		return err
	}
	err = activities.Record(ctx, commands.Activity{
		At: s.now(), Kind: commands.CommandGiven, Actor: c.Actor, Operation: "followers restart", Subject: c.Name, Detail: map[string]string{"reason": c.Reason},
	})
	if err != nil {
		return err
	}
	if err := checkpoints.Restart(ctx, c.Name); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s begins anew: restart the processes of the role publish\n", c.Name)
	return err
}
