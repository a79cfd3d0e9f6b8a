//! SPF, DKIM and DMARC: one explained verdict for a mail message.
