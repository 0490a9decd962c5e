"""What is done about a found secret: into Vault, out of the file, revoked, proven dead, each step on record.

``finding_again`` gets the secret back by its fingerprint, ``placing`` edits the file, ``issuers`` revoke and ask,
``journal`` remembers, ``moving`` and ``closing`` put them in order. No module prints, logs or stores a secret.
"""
