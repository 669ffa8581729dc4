package servicebus

import (
	"fmt"
	"testing"

	"casesync/adapters/servicebus/sbtest"
)

// BenchmarkSubscribe is what a handler that does nothing takes in, from many small sessions and from a
// queue without.
func BenchmarkSubscribe(b *testing.B) {
	for _, sessions := range []bool{true, false} {
		b.Run(fmt.Sprintf("sessions=%v", sessions), func(b *testing.B) {
			s := sbtest.Start(b)
			s.Configure("q", sbtest.Options{Sessions: sessions})
			p, err := NewPublisher(PublisherConfig{Connection: quick(s)})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			const each = 5 // messages of a session
			for i := range b.N/each + 1 {
				if err := p.Publish("q", numbered(each, fmt.Sprint("case-", i))...); err != nil {
					b.Fatal(err)
				}
			}
			config := quickSubscriber(s)
			config.Sessions, config.SessionsMax, config.InFlightMax = sessions, 256, 256
			sub, err := NewSubscriber(config)
			if err != nil {
				b.Fatal(err)
			}
			defer sub.Close()
			b.ResetTimer()
			out, err := sub.Subscribe(b.Context(), "q")
			if err != nil {
				b.Fatal(err)
			}
			for range b.N {
				(<-out).Ack()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
