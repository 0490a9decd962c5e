"""`import ktlo_instrument.auto` starts it, with settings from files and the environment."""

import ktlo_instrument

ktlo_instrument.start()
