"""What deployx promises of a command on a host, shown on real sshd behind six login shells: `python -m tests.proof`.

It runs the `deployx` command as a person would, and believes none of its answers: what lies on the disk is searched,
what lives is asked of `ps`, what was written is compared with what the target itself kept. Nothing of the product is
imported but the demo's fleet.
"""
