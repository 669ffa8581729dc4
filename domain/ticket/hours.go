package ticket

// HelpdeskHoursText says [HelpdeskHours] in words, without a full stop.
const HelpdeskHoursText = "Monday to Friday 08:00 to 22:00, Saturday and Sunday 12:00 to 16:00, London time, bank holidays included. Closed on Christmas Day"
