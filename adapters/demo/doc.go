// Package demo makes a case management system's feed out of a real complaint register, and plays
// such a system live: it publishes events, gives key documents out, and answers what it is told.
//
// The register is a public sample of the United States Consumer Financial Protection Bureau's
// complaints (data/README.md says more). Its dates, products, issues, volumes and answers are
// real; every business, person, stage and outcome made of them here is invented, and the names
// are such that nobody takes them for real ones. Nothing of it is data of the Financial
// Ombudsman Service, whose product this is not.
//
// The system that is played reaches the portal as a real one would: over HTTP, with the token of a case management
// system, and by the file of messages that the portal writes. What it knows stands in a database of its own, written
// before it says anything, so that each message has one answer under one id, and each subject its sequences without a gap,
// whatever crashed (books.go). What it does of itself is a small table (answers.go); for the rest a real system has people.
//
// The conversion is pure and seeded: the same seed and time give the same feed, byte for byte, so
// that an import that was interrupted can be repeated.
package demo
