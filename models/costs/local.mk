libvethsim_la_SOURCES += models/costs/costs.c
