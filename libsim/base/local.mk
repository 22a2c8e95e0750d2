# Ground floor: knows neither time nor packets.

base_headers = \
	libsim/base/alias.h \
	libsim/base/dist.h \
	libsim/base/flow_table.h \
	libsim/base/fmath.h \
	libsim/base/hash.h \
	libsim/base/hash_flow.h \
	libsim/base/histogram.h \
	libsim/base/host_path.h \
	libsim/base/lpm.h \
	libsim/base/lpm_table.h \
	libsim/base/modulus.h \
	libsim/base/pool.h \
	libsim/base/prefix.h \
	libsim/base/rng.h \
	libsim/base/simd.h \
	libsim/base/suggest.h \
	libsim/base/table.h \
	libsim/base/units.h \
	libsim/base/ziggurat.h

libvethsim_la_SOURCES += \
	$(base_headers) \
	libsim/base/alias.c \
	libsim/base/dist.c \
	libsim/base/dist_text.c \
	libsim/base/flow_bucket.h \
	libsim/base/flow_table.c \
	libsim/base/flow_table_bulk.c \
	libsim/base/fmath.c \
	libsim/base/hash.c \
	libsim/base/hash_bits.h \
	libsim/base/hash_crc.c \
	libsim/base/hash_flow.c \
	libsim/base/hash_jhash.c \
	libsim/base/hash_murmur.c \
	libsim/base/hash_sip.c \
	libsim/base/hash_toeplitz.c \
	libsim/base/hash_xx.c \
	libsim/base/histogram.c \
	libsim/base/host_path.c \
	libsim/base/json_put.c \
	libsim/base/json_put.h \
	libsim/base/lpm.c \
	libsim/base/lpm_table.c \
	libsim/base/pool.c \
	libsim/base/rng.c \
	libsim/base/suggest.c \
	libsim/base/table.c \
	libsim/base/units.c \
	libsim/base/units_ipv4.c \
	libsim/base/ziggurat.c
