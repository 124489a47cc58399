"""Signers whose keys are outside this process: in an HSM, in OpenBao or Vault, or in AWS KMS.

| module | what it holds |
| --- | --- |
| `signer_uri` | the URI that names such a key (pure) |
| `external_key` | what such a key can do |
| `pkcs11_key` | a key in a PKCS#11 token |
| `openbao_key` | a key of the transit engine of OpenBao or HashiCorp Vault |
| `kms_key` | a key in AWS KMS |
| `open_key` | the key that a URI names |
| `checked_signer` | a signer by such a key: each signature is verified before it is used |
| `retrying_signer` | asks a signer for the same signature until it answers |
| `signer_metrics` | the metrics |
"""
