# SPDX-License-Identifier: Apache-2.0
"""What the process, http and fault tests share: a server, a client, gates, ledgers."""
