// What reaches the network, and clients of what is there.
#include "sandbox/pickle/symbol_table.h"

namespace airlock::pickle {
namespace {

using F = Family;

constexpr SymbolRow kRows[] = {
    Danger(F::kNetwork, "socket _socket socketserver ssl _ssl select selectors asyncore asynchat"),
    Harmless("socket", "AddressFamily SocketKind AddressFamily.* SocketKind.*"),
    Danger(F::kNetwork,
           "urllib urllib2 urllib3 http httplib httplib2 httpx aiohttp requests requests_html pycurl curl_cffi"),
    Harmless("http", "HTTPStatus HTTPMethod HTTPStatus.* HTTPMethod.*"),
    Harmless("urllib.parse", "ParseResult SplitResult DefragResult ParseResultBytes SplitResultBytes"),
    Harmless("requests.structures requests.exceptions urllib3.exceptions aiohttp.client_exceptions", "*"),
    Danger(F::kNetwork, "smtplib smtpd ftplib imaplib poplib nntplib telnetlib xmlrpc xmlrpclib wsgiref cgi Cookie"),
    Danger(F::kNetwork, "tornado twisted zmq websocket websockets grpc flask werkzeug.serving uvicorn gunicorn dns"),
    Danger(F::kNetwork, "wget gdown boto boto3 botocore s3fs gcsfs adlfs google.cloud azure minio huggingface_hub"),
    Danger(F::kNetwork, "sqlalchemy", "create_engine text"),
    Danger(F::kNetwork, "psycopg2 psycopg pymysql MySQLdb pymongo redis kubernetes wandb.sdk mlflow.tracking comet_ml"),
    Danger(F::kNetwork, "torch.distributed.rpc torch.distributed.rendezvous torch.distributed.nn.api"),
};

}  // namespace

SymbolTable NetworkRows() { return TableOf<kRows>(); }

}  // namespace airlock::pickle
