-- +goose Up
-- Which mails that strangers ask for went to an address on a day, so that there are not too many. recipient is a keyed
-- hash of the address; day counts from 1970-01-01; the rows of a day are removed when it is over.
CREATE TABLE mail_allowances (
	recipient TEXT NOT NULL,
	day       BIGINT NOT NULL,
	place     BIGINT NOT NULL,
	mail      TEXT NOT NULL UNIQUE,
	PRIMARY KEY (recipient, day, place)
);

-- +goose Down
DROP TABLE mail_allowances;
