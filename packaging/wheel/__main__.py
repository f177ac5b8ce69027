# SPDX-License-Identifier: Apache-2.0
"""`python -m monodon`: the command, in the environment of this interpreter."""

from monodon.launch import main

main()
