/* WebSockets that a container serves. */
#include "models/container/container.h"

bool
container_websocket_check(const VsElement *element, GError **error)
{
    static const char *const of_websockets[] = {"push-every", "push", "ping-every"};
    const ContainerConfig *config = element->config;

    for (unsigned i = 0;
         !config->websocket.is_served && i < G_N_ELEMENTS(of_websockets); i++) {
        if (vs_element_has(element, of_websockets[i])) {
            vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                            "%s has no effect without websocket=\"yes\"; write that, "
                            "too, or leave it out",
                            of_websockets[i]);
            return false;
        }
    }
    if (config->websocket.is_served &&
        vs_dist_mean(&config->websocket.push_every) == 0 &&
        vs_element_has(element, "push")) {
        vs_set_error_at(error, element, VS_SCENARIO_ERROR_NO_EFFECT,
                        "push has no effect without push-every; write that, too, or "
                        "leave it out");
        return false;
    }
    return true;
}

static void
websocket_closed(VsWebSocketServer *server)
{
    container_life_exit(VS_CONTAINER_OF(server, Container, websockets));
}

void
container_websocket_open(Container *container, const char *name)
{
    const ContainerWebSocketConfig *config = &container->config->websocket;
    VsWebSocketServerConfig server = {.entity = &container->entity,
                                      .name = name,
                                      .ping_every = config->ping_every,
                                      .push_every = config->push_every,
                                      .push_bytes = config->push_bytes,
                                      .closed = websocket_closed};

    if (config->is_served) {
        vs_websocket_server_open(&container->websockets, &container->http, &server);
    }
}

bool
container_websocket_takes(Container *container, VsHttpRequest *request, unsigned status)
{
    bool is_upgrade =
        request->payload.kind == VS_PAYLOAD_HTTP && request->payload.http.is_upgrade;

    if (!is_upgrade || status != 200) {
        return false;
    }
    if (container->config->websocket.is_served) {
        vs_websocket_server_accept(&container->websockets, request);
    } else {
        vs_http_reply(request, 400, 0); /* It knows nothing of that protocol. */
    }
    return true;
}
