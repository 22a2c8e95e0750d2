libvethsim_la_SOURCES += models/node/node.c
