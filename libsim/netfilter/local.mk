netfilter_headers = \
	libsim/netfilter/conntrack.h \
	libsim/netfilter/dispatch.h \
	libsim/netfilter/evaluate.h \
	libsim/netfilter/ipset.h \
	libsim/netfilter/iptables.h \
	libsim/netfilter/nat.h \
	libsim/netfilter/nft.h \
	libsim/netfilter/recent.h \
	libsim/netfilter/rule.h \
	libsim/netfilter/ruleset.h

libvethsim_la_SOURCES += \
	libsim/netfilter/conntrack.c \
	libsim/netfilter/dispatch.c \
	libsim/netfilter/evaluate.c \
	libsim/netfilter/explain.c \
	libsim/netfilter/ipset.c \
	libsim/netfilter/iptables_match.c \
	libsim/netfilter/iptables_match_state.c \
	libsim/netfilter/iptables_options.h \
	libsim/netfilter/iptables_parse.c \
	libsim/netfilter/iptables_print.c \
	libsim/netfilter/iptables_print_match.c \
	libsim/netfilter/iptables_rule.c \
	libsim/netfilter/iptables_target.c \
	libsim/netfilter/iptables_values.c \
	libsim/netfilter/link.c \
	libsim/netfilter/nat.c \
	libsim/netfilter/nft_json.c \
	libsim/netfilter/nft_json.h \
	libsim/netfilter/nft_json_rule.c \
	libsim/netfilter/nft_lex.c \
	libsim/netfilter/nft_lex.h \
	libsim/netfilter/nft_parse.c \
	libsim/netfilter/nft_parse.h \
	libsim/netfilter/nft_parse_rule.c \
	libsim/netfilter/nft_parse_selector.c \
	libsim/netfilter/nft_parse_set.c \
	libsim/netfilter/nft_parse_statement.c \
	libsim/netfilter/nft_parse_value.c \
	libsim/netfilter/nft_print.c \
	libsim/netfilter/nft_print.h \
	libsim/netfilter/nft_print_rule.c \
	libsim/netfilter/nft_view.c \
	libsim/netfilter/nft_view.h \
	libsim/netfilter/nft_words.c \
	libsim/netfilter/nft_words.h \
	libsim/netfilter/recent.c \
	libsim/netfilter/rule.c \
	libsim/netfilter/ruleset.c \
	libsim/netfilter/set.c
