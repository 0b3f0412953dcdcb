"""Makes a queue by Amazon's own library, and puts messages on it: {"endpoint", "messages"} on standard input.

Answers with the queue's address; with {"endpoint", "queue"} how many messages are in it, seen or not.
"""

from __future__ import annotations

import json
import sys

import boto3  # type: ignore[import-not-found] # fetched by `make conformance`

asked = json.load(sys.stdin)
sqs = boto3.client(
    "sqs",
    region_name="eu-central-1",
    endpoint_url=asked["endpoint"],
    aws_access_key_id="AKIATEST",
    aws_secret_access_key="secret",
)
if "queue" in asked:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=asked["queue"], AttributeNames=names)["Attributes"]
    answer = {"left": sum(map(int, found.values()))}
else:
    url = sqs.create_queue(QueueName="shop", Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
    for text in asked["messages"]:
        sqs.send_message(QueueUrl=url, MessageBody=text)
    answer = {"queue": url}
json.dump(answer, sys.stdout)
