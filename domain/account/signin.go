package account

import "fmt"

// decideSignIn decides the commands about how the person signs in.
func (s *State) decideSignIn(command Command) ([]Event, error) {
	switch command := command.(type) {
	case ChangeMethod:
		return s.changeMethod(command)
	case LinkIdentity:
		return s.linkIdentity(command)
	case EnrolFactor:
		if command.Kind != TOTP && command.Kind != Passkey {
			return nil, refuseFactorKind()
		}
		return s.ofGeneration(command.Generation, s.generations.Factor, &FactorEnrolled{Kind: command.Kind})
	case ResetFactor:
		return s.ifLocal(&FactorReset{}, s.factor)
	case SetQuestions:
		return s.ofGeneration(command.Generation, s.generations.Questions, &QuestionsSet{})
	case ResetQuestions:
		// Also where none are noted: a crash may have left some that nobody noted, and that are asked for.
		return s.ifLocal(&QuestionsReset{}, true)
	case RequestReset:
		return s.requestReset(command)
	}
	return nil, fmt.Errorf("decide %T: not a command of an account", command)
}

// ifLocal gives event where there is something to say, and refuses it for a federated account: its
// factors are the identity provider's (requirement 23).
func (s *State) ifLocal(event Event, news bool) ([]Event, error) {
	switch {
	case s.method.Federated():
		return nil, refuseFederated()
	case !news:
		return nil, nil
	}
	return []Event{event}, nil
}

func (s *State) changeMethod(c ChangeMethod) ([]Event, error) {
	if err := checkMethod(c.Method, c.Connection); err != nil {
		return nil, err
	}
	if s.method == c.Method && s.connection == c.Connection {
		return nil, nil
	}
	return []Event{&MethodChanged{Method: c.Method, Connection: c.Connection}}, nil
}

// checkMethod refuses what is no way of signing in.
func checkMethod(method Method, connection string) error {
	if !method.Known() || method.Federated() != (connection != "") {
		return refuseMethod()
	}
	return nil
}

func (s *State) linkIdentity(c LinkIdentity) ([]Event, error) {
	switch {
	case !s.method.Federated():
		return nil, refuseLocal()
	case c.SubjectDigest == "":
		return nil, fmt.Errorf("link identity of %q: no subject", c.Connection)
	case c.Connection != s.connection, s.identity != "" && s.identity != c.SubjectDigest:
		return nil, refuseIdentityOfAnother()
	case s.identity == c.SubjectDigest:
		return nil, nil
	}
	return []Event{&IdentityLinked{Connection: c.Connection, SubjectDigest: c.SubjectDigest}}, nil
}
