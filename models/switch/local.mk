libvethsim_la_SOURCES += models/switch/switch.c
