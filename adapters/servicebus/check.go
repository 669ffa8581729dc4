package servicebus

import (
	"errors"
	"fmt"
	"strings"
)

// Check finds what cannot be connected with, as far as that shows without connecting. Its error quotes no key.
func (c Connection) Check() error {
	if c.ConnectionString == "" && strings.ContainsAny(c.Namespace, ":/= ") {
		return fmt.Errorf("connect to Service Bus: %q is no host name: want one such as example.servicebus.windows.net, or a connection string", c.Namespace)
	}
	if c.ConnectionString != "" && !strings.Contains(strings.ToLower(string(c.ConnectionString)), "endpoint=sb://") {
		return errors.New("connect to Service Bus: the connection string names no endpoint: want Endpoint=sb://…, as the namespace's shared access policies show it")
	}
	if c.ConnectionString == "" && c.Namespace != "" {
		return nil // an identity is found when it is first needed
	}
	_, err := c.client()
	return err
}

// CheckEntity finds what cannot be the name of a queue or topic, and of its subscription if that is not "".
func CheckEntity(name, subscription string) error {
	if name == "" || len(name) > entityLengthMax || strings.ContainsAny(name, " ?#\\@*") || strings.Contains(name, "$") {
		return fmt.Errorf("%q is no name of a queue or topic", name)
	}
	if len(subscription) > subscriptionLengthMax || strings.ContainsAny(subscription, " ?#\\@*/$") {
		return fmt.Errorf("%q is no name of a subscription", subscription)
	}
	return nil
}

// The limits of names, of the service's documentation.
const (
	entityLengthMax       = 260
	subscriptionLengthMax = 50
)
