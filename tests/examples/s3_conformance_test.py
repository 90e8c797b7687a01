"""list_buckets as others see it: its signature computed again by botocore, its request answered by
moto's S3 server."""

import hashlib
import logging
import unittest

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from runtime_api import Environment
from s3_stub import S3Stub

BOTH = ("list_buckets_cold", "global_variable")
ID, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdz/+=="


def signature_by_botocore(headers, region, token):
    """What the Authorization header must be for a request that has these headers."""
    signed = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    request = AWSRequest(
        "GET",
        f"http://{headers['Host']}/",
        headers={name: headers[name] for name in signed if name != "host"},
        data=b"",
    )
    request.context["timestamp"] = headers["X-Amz-Date"]
    auth = S3SigV4Auth(Credentials(ID, SECRET, token), "s3", region)
    auth_text = auth.string_to_sign(request, auth.canonical_request(request))
    return (
        (
            f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, "
            f"SignedHeaders={';'.join(signed)}, Signature={auth.signature(auth_text, request)}"
        ),
        signed,
    )


class Conformance(unittest.TestCase):
    def environment(self, url, **more):
        return {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL_S3": url, **more}

    def test_the_signature(self):
        for token in None, TOKEN:
            for program in BOTH:
                with self.subTest(program, token=token), S3Stub() as stub:
                    more = {"AWS_SESSION_TOKEN": token} if token else {}
                    with Environment(program, **self.environment(stub.url, **more)) as function:
                        for _ in range(2):
                            self.assertEqual(function.invoke({}).json(), {"buckets": []})
                    self.assertEqual(len(stub.requests), 2)
                    for method, path, headers in stub.requests:
                        self.assertEqual((method, path), ("GET", "/"))
                        expected, signed = signature_by_botocore(headers, "eu-west-1", token)
                        self.assertEqual(
                            headers["Authorization"].replace(" ", ""), expected.replace(" ", "")
                        )
                        must = {"host", "x-amz-content-sha256", "x-amz-date"}
                        self.assertLessEqual(
                            must | ({"x-amz-security-token"} if token else set()), set(signed)
                        )
                        self.assertEqual(
                            headers["x-amz-content-sha256"], hashlib.sha256().hexdigest()
                        )
                        self.assertEqual(headers["x-amz-security-token"], token)

    def test_a_wrong_secret_makes_another_signature(self):
        """The check above can fail."""
        with S3Stub() as stub:
            wrong = self.environment(stub.url, AWS_SECRET_ACCESS_KEY="another")
            with Environment("global_variable", **wrong) as function:
                function.invoke({})
            headers = stub.requests[0][2]
            self.assertNotIn(
                signature_by_botocore(headers, "eu-west-1", None)[0].split("Signature=")[1],
                headers["Authorization"],
            )

    def test_moto_lists_what_boto3_made(self):
        logging.getLogger("werkzeug").setLevel(
            logging.ERROR
        )  # moto's HTTP server tells of each request
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        self.addCleanup(server.stop)
        url = "http://%s:%d" % server.get_host_and_port()
        s3 = boto3.client("s3", endpoint_url=url, region_name="eu-west-1",
                          aws_access_key_id=ID, aws_secret_access_key=SECRET)
        for program in BOTH:
            with self.subTest(program), Environment(program, **self.environment(url)) as function:
                for bucket in s3.list_buckets()["Buckets"]:
                    s3.delete_bucket(Bucket=bucket["Name"])
                self.assertEqual(function.invoke({}).json(), {"buckets": []})
                for name in "reports", "archive.2024", "logs-eu":
                    s3.create_bucket(
                        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
                    )
                listed = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
                self.assertEqual(len(listed), 3)
                self.assertEqual(function.invoke({}).json(), {"buckets": listed})


if __name__ == "__main__":
    unittest.main()
