"""A client of the control API as another team would write it: stubs from the .proto files, on Python's own gRPC.

client.py ADDRESS STUBS, with {"token": ..., "viewer": ..., "bot": ...} on standard input. Prints one JSON object: what each
call answered, or the code with which it was refused and the Problem that came with it.
"""

import json
import sys

ADDRESS, STUBS = sys.argv[1:3]
sys.path.insert(0, STUBS)

import grpc
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from the0.runtime.v1 import bots_pb2, bots_pb2_grpc, common_pb2
from the0.runtime.v1 import events_pb2, events_pb2_grpc, installation_pb2, installation_pb2_grpc
from the0.runtime.v1 import logs_pb2, logs_pb2_grpc

given = json.load(sys.stdin)


def outcome(call):
    try:
        answer = call()
        return MessageToDict(answer) if hasattr(answer, "DESCRIPTOR") else answer
    except grpc.RpcError as error:
        problem = common_pb2.Problem()
        status = rpc_status.from_call(error)
        for detail in status.details if status else []:
            detail.Unpack(problem)
        return {"code": error.code().name, "message": error.details(), "problem": MessageToDict(problem)}


def as_caller(token):
    return [("authorization", f"Bearer {token}")] if token else None


with grpc.insecure_channel(ADDRESS) as channel:
    health = health_pb2_grpc.HealthStub(channel)
    installation = installation_pb2_grpc.InstallationServiceStub(channel)
    bots = bots_pb2_grpc.BotServiceStub(channel)
    events = events_pb2_grpc.EventServiceStub(channel)
    logs = logs_pb2_grpc.LogServiceStub(channel)
    mine, viewers = as_caller(given["token"]), as_caller(given["viewer"])

    def stop_bot(key, reason, metadata):
        change = common_pb2.Change(reason=reason, idempotency_key=key)
        return outcome(
            lambda: bots.StopBot(bots_pb2.StopBotRequest(id=given["bot"], change=change), metadata=metadata)
        )

    def first_of_watch():
        for answer in health.Watch(health_pb2.HealthCheckRequest(), timeout=10):
            return answer

    def first_events():
        stream = events.StreamEvents(events_pb2.StreamEventsRequest(), metadata=mine, timeout=10)
        positions = [next(stream).position for _ in range(3)]
        stream.cancel()
        return positions

    def lines_until(last, after=""):
        stream = logs.StreamLogs(
            logs_pb2.StreamLogsRequest(id=given["bot"], after=after), metadata=viewers, timeout=60
        )
        texts, positions = [], []
        for answer in stream:
            texts += [line.text for line in answer.lines]
            positions += [line.position for line in answer.lines]
            if any(last in text for text in texts):
                stream.cancel()
                return texts, positions
        return texts, positions

    def followed():
        texts, positions = lines_until("live")
        again, _ = lines_until("live", positions[0])
        return {"texts": texts[:3], "again": again[:2]}

    large = bots_pb2.ListBotsRequest(filter=bots_pb2.BotFilter(text="x" * (50 * 1024 * 1024)))
    print(
        json.dumps(
            {
                "health": outcome(lambda: health.Check(health_pb2.HealthCheckRequest(), timeout=10)),
                "watched": outcome(first_of_watch),
                "who": outcome(lambda: installation.WhoAmI(installation_pb2.WhoAmIRequest(), metadata=mine)),
                "nobody": outcome(lambda: installation.WhoAmI(installation_pb2.WhoAmIRequest())),
                "bots": outcome(lambda: bots.ListBots(bots_pb2.ListBotsRequest(), metadata=mine)),
                "page": outcome(
                    lambda: bots.ListBots(
                        bots_pb2.ListBotsRequest(page=common_pb2.Page(size=5000)), metadata=mine
                    )
                ),
                "denied": stop_bot("", "I may not", viewers),
                "stopped": stop_bot("python-1", "month end", mine),
                "again": stop_bot("python-1", "month end", mine),
                "other": stop_bot("python-1", "another reason", mine),
                "late": outcome(
                    lambda: bots.ExplainBot(
                        bots_pb2.ExplainBotRequest(id=given["bot"]), metadata=mine, timeout=0.2
                    )
                ),
                "events": outcome(first_events),
                "followed": outcome(followed),
                "log": outcome(
                    lambda: logs.GetLogs(logs_pb2.GetLogsRequest(id=given["bot"], lines=1), metadata=viewers)
                ),
                "large": outcome(lambda: bots.ListBots(large, metadata=mine)),
                "after": outcome(lambda: bots.ListBots(bots_pb2.ListBotsRequest(), metadata=mine)),
            }
        )
    )
