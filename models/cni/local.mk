libvethsim_la_SOURCES += models/cni/cluster.c
