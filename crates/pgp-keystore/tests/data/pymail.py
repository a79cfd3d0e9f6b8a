"""Python's email package as a reader and a writer of PGP/MIME, with gpg beside it. Used by tests/mime_interop.rs."""

import subprocess
import sys
from email import message_from_bytes, policy
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

# Signed octets must not be refolded.
EXACT = policy.SMTP.clone(refold_source="none", max_line_length=None)


def gpg(*args, data=b""):
    base = ["gpg", "--batch", "--yes", "--quiet", "--no-tty", "--trust-model", "always",
            "--pinentry-mode", "loopback", "--passphrase", ""]
    return subprocess.run(base + list(args), input=data, stdout=subprocess.PIPE, check=True).stdout


def show(entity):
    print("subject:", entity["Subject"])
    print("type:", entity.get_content_type(), entity.get_param("hp"))
    print("outer:", [str(value) for value in entity.get_all("HP-Outer", [])])
    body = entity.get_body(("plain",)) if hasattr(entity, "get_body") else entity
    print("body:", repr(body.get_content().replace("\r\n", "\n")))


def read(path):
    message = message_from_bytes(open(path, "rb").read(), policy=EXACT)
    print("outside:", message["Subject"])
    first, second = message.iter_parts() if hasattr(message, "iter_parts") else message.get_payload()
    print("defects:", [repr(d) for part in message.walk() for d in part.defects])
    if message.get_content_type() == "multipart/signed":
        assert message.get_param("protocol") == second.get_content_type() == "application/pgp-signature"
        open(path + ".content", "wb").write(first.as_bytes(policy=EXACT))
        open(path + ".sig", "wb").write(second.get_payload(decode=True))
        gpg("--verify", path + ".sig", path + ".content")
        show(first)
    else:
        assert message.get_param("protocol") == first.get_content_type() == "application/pgp-encrypted"
        assert first.get_payload(decode=True).strip() == b"Version: 1"
        assert second.get_content_type() == "application/octet-stream"
        content = gpg("--decrypt", data=second.get_payload(decode=True))
        show(message_from_bytes(content, policy=EXACT))


def write(kind, path, sender, recipient):
    text = MIMEText("Grüße aus Python \nFrom here\n", "plain", "utf-8", policy=EXACT)
    page = MIMEText("<p>Grüße</p>", "html", "utf-8", policy=EXACT)
    inner = MIMEMultipart("alternative", _subparts=[text, page], policy=EXACT)
    if kind == "signed":
        content = inner.as_bytes(policy=EXACT)
        signature = gpg("--armor", "--textmode", "--digest-algo", "SHA256", "--local-user", sender,
                        "--detach-sign", data=content)
        part = MIMEApplication(signature, "pgp-signature", lambda m: None, policy=EXACT, name="signature.asc")
        part.set_payload(signature.decode())
        message = MIMEMultipart("signed", _subparts=[inner, part], policy=EXACT,
                                micalg="pgp-sha256", protocol="application/pgp-signature")
    else:
        sealed = gpg("--armor", "--encrypt", "--sign", "--local-user", sender, "--recipient", recipient,
                     data=inner.as_bytes(policy=EXACT))
        control = MIMEApplication(b"", "pgp-encrypted", lambda m: None, policy=EXACT)
        control.set_payload("Version: 1\n")
        data = MIMEApplication(b"", "octet-stream", lambda m: None, policy=EXACT)
        data.set_payload(sealed.decode())
        message = MIMEMultipart("encrypted", _subparts=[control, data], policy=EXACT,
                                protocol="application/pgp-encrypted")
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = "Dinner in Python"
    open(path, "wb").write(message.as_bytes(policy=EXACT))


{"read": read, "write": write}[sys.argv[1]](*sys.argv[2:])
