// Package demo makes a case management system's feed out of a real complaint register, and plays
// such a system live.
//
// The register is a public sample of the United States Consumer Financial Protection Bureau's
// complaints (data/README.md says more). Its dates, products, issues, volumes and answers are
// real; every business, person, stage and outcome made of them here is invented, and the names
// are such that nobody takes them for real ones. Nothing of it is data of the Financial
// Ombudsman Service, whose product this is not.
//
// The conversion is pure and seeded: the same seed and time give the same feed, byte for byte, so
// that an import that was interrupted can be repeated.
package demo
