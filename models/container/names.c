/* Calls of headless services: the addresses of their names, which DNS tells. */
#include "models/container/container.h"

static void
tell_addresses(ContainerCall *call, const VsDns *answer)
{
    unsigned n_addresses = vs_dns_n_addresses(answer);
    g_autofree VsAddr *addresses = g_new(VsAddr, n_addresses);

    for (unsigned i = 0; i < n_addresses; i++) {
        addresses[i] = vs_dns_address(answer, i);
    }
    vs_http2_client_set_addresses(call->own.client.http2, addresses, n_addresses,
                                  call->port);
}

/* Without an answer old addresses are as good as any, and without those nobody can be asked. */
static void
lookup_answered(VsStub *stub, VsStubLookup *lookup, const VsDns *answer)
{
    ContainerNames *names = VS_CONTAINER_OF(stub, ContainerNames, stub);
    ContainerCall *call = VS_CONTAINER_OF(names, ContainerCall, names);

    (void)lookup;
    if (answer && answer->code == VS_DNS_NOERROR && vs_dns_n_addresses(answer) > 0) {
        tell_addresses(call, answer);
    }
    container_calls_named(call, vs_http_client_has_idle(&call->own.client));
}

void
container_names_ask(void *call_)
{
    ContainerCall *call = call_;

    if (!vs_stub_is_asking(&call->names.lookup)) {
        vs_stub_ask(&call->names.stub, &call->names.lookup, &call->names.names, NULL);
    }
}

bool
container_names_open(ContainerCall *call, const VsService *service, const VsPod *pod,
                     VsBuild *build, GError **error)
{
    ContainerNames *names = &call->names;
    g_autofree char *host =
        service->name_space
            ? g_strdup_printf("%s.%s", service->name, service->name_space)
            : g_strdup(service->name);
    VsResolvConf conf;

    if (!vs_build_pod_resolv_conf(build, pod, VS_LIBC_GLIBC, &conf, &names->search,
                                  error)) {
        return false;
    }
    vs_resolv_names_init(&names->names, &conf, host, &build->run->packets->names);
    if (!vs_stub_open(&names->stub, pod->netns, &call->container->entity, &conf,
                      lookup_answered)) {
        g_assert_not_reached(); /* glibc's has no socket before it asks. */
    }
    names->is_used = true;
    return true;
}

void
container_names_close(ContainerCall *call)
{
    vs_stub_clear(&call->names.stub);
    vs_resolv_names_clear(&call->names.names);
    g_strfreev(call->names.search);
}
