"""The EC2 API of the lab and the tests: the moto server with one VPC made beforehand.

    moto-server.py SPEC      (JSON; see Ec2Spec in ec2.ts)

Beside moto's own API it keeps what moto lacks and a router's takeover needs: DryRun of route calls, refusal of a
route that exists, the filter mac-address, ids as wished, faults, and GET /lab/routes, which answers once the route tables differ from those the
caller knows.
"""

import hashlib
import io
import json
import sys
import time
from urllib.parse import parse_qs

import moto.ec2.models.elastic_network_interfaces as enis
import moto.ec2.models.route_tables as route_tables
import moto.ec2.responses.route_tables as responses
from moto.ec2.exceptions import RouteAlreadyExistsError
from moto.ec2.models import ec2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

ACCOUNT = "123456789012"
WAIT_S = 10
FAULTS = {
    "deny": ("403 Forbidden", "UnauthorizedOperation", "You are not authorized to perform this operation."),
    "throttle": ("503 Service Unavailable", "RequestLimitExceeded", "Request limit exceeded."),
    "unavailable": ("503 Service Unavailable", "Unavailable", "The service is unavailable."),
}

spec = json.loads(sys.argv[1])
backend = ec2_backends[ACCOUNT][spec["region"]]


def with_dry_run(method):
    def checked(self):
        self.error_on_dryrun()
        return method(self)

    return checked


def refuse_existing(method):
    """EC2 refuses to create a route that is there; moto looks only where the target is no network interface."""

    def checked(self):
        table = backend.route_tables.get(self._get_param("RouteTableId"))
        cidr = self._get_param("DestinationCidrBlock") or self._get_param("DestinationIpv6CidrBlock")
        for route in table._routes.values() if table else []:
            if cidr in (route.destination_cidr_block, route.destination_ipv6_cidr_block):
                raise RouteAlreadyExistsError(cidr)
        return method(self)

    return checked


responses.RouteTables.create_route = with_dry_run(refuse_existing(responses.RouteTables.create_route))
responses.RouteTables.replace_route = with_dry_run(responses.RouteTables.replace_route)

filter_value = enis.NetworkInterface.get_filter_value


def with_mac(self, name, method=None):
    return self.mac_address if name == "mac-address" else filter_value(self, name, method)


enis.NetworkInterface.get_filter_value = with_mac


def make_vpc():
    vpc = backend.create_vpc(spec["vpc"])
    subnet = backend.create_subnet(vpc.id, spec["vpc"])
    for table in spec["tables"]:
        route_tables.random_route_table_id = lambda wished=table: wished
        backend.create_route_table(vpc.id)
    for one in spec["interfaces"]:
        enis.random_eni_id = lambda wished=one["id"]: wished
        eni = backend.create_network_interface(subnet, one["address"])
        eni.source_dest_check = one.get("sourceDestCheck", False)
        if "mac" in one:
            eni.mac_address = one["mac"]
    for route in spec.get("routes", []):
        backend.create_route(route["table"], route["cidr"], interface_id=route["interface"])


def routes():
    """Every route to a network interface: table, destination, interface and its address."""
    found = []
    for table in spec["tables"]:
        for route in list(backend.route_tables[table]._routes.values()):
            if route.interface is not None:
                cidr = route.destination_cidr_block or route.destination_ipv6_cidr_block
                eni = route.interface
                found.append({"table": table, "cidr": cidr, "interface": eni.id, "address": eni.private_ip_address})
    return found


def fault():
    try:
        with open(spec["faults"], encoding="utf-8") as file:
            return file.read().strip()
    except (KeyError, FileNotFoundError):
        return ""


def note_call(environ):
    at = time.time() * 1000
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    asked = {key: values[0] for key, values in parse_qs(body.decode()).items()}
    with open(spec["calls"], "a", encoding="utf-8") as file:
        dry = asked.get("DryRun") == "true"
        call = {"atMs": at, "action": asked.get("Action"), "dryRun": dry, "interface": asked.get("NetworkInterfaceId")}
        file.write(json.dumps(call) + "\n")


class Front:
    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/lab/routes":
            return self.lab_routes(environ, start_response)
        if "calls" in spec:
            note_call(environ)
        mode = fault()
        if mode.startswith("slow"):
            time.sleep(float(mode[4:] or 10))
        elif mode in FAULTS:
            status, code, message = FAULTS[mode]
            body = f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            start_response(status, [("Content-Type", "text/xml")])
            return [f"{body}<RequestID>lab</RequestID></Response>".encode()]
        return self.application(environ, start_response)

    def lab_routes(self, environ, start_response):
        known = parse_qs(environ.get("QUERY_STRING", "")).get("known", [""])[0]
        end = time.monotonic() + WAIT_S
        while True:
            body = json.dumps(routes(), sort_keys=True).encode()
            digest = hashlib.sha256(body).hexdigest()[:16]
            if digest != known or time.monotonic() > end:
                start_response("200 OK", [("Content-Type", "application/json"), ("X-Digest", digest)])
                return [body]
            time.sleep(0.005)


make_vpc()
server = make_server(
    spec["host"],
    spec["port"],
    Front(DomainDispatcherApplication(create_backend_app)),
    threaded=True,
    request_handler=MotoRequestHandler,
)
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
