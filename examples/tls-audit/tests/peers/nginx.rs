//! nginx, as a web server, set up well and badly.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tls_policy::audit::Protocol;

use crate::expect::expect;
use crate::sslscan::compare;
use crate::world::{
    HOST, Identity, Key, Running, audit, dh1024, folder, free_port, identity, listening, stranger,
    target,
};

fn start(folder: &Path, identity: &Identity, tls: &str) -> (Running, SocketAddr) {
    let address = free_port();
    let (at, cert, key) = (
        folder.display(),
        identity.cert.display(),
        identity.key.display(),
    );
    let conf = format!(
        "daemon off;\n\
         pid {at}/pid;\n\
         error_log {at}/error.log;\n\
         worker_processes 1;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n\
           access_log off;\n\
           client_body_temp_path {at}/body;\n\
           proxy_temp_path {at}/proxy;\n\
           fastcgi_temp_path {at}/fastcgi;\n\
           uwsgi_temp_path {at}/uwsgi;\n\
           scgi_temp_path {at}/scgi;\n\
           server {{\n\
             listen {address} ssl;\n\
             server_name {HOST};\n\
             ssl_certificate {cert};\n\
             ssl_certificate_key {key};\n\
             {tls}\n\
             location / {{ return 200 'hello'; }}\n\
           }}\n\
         }}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, conf).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    let running = Running::start(command.arg("-e").arg(folder.join("error.log")));
    listening(address);
    (running, address)
}

#[test]
#[ignore = "interop: needs nginx"]
fn interop_nginx_set_up_well_gives_the_expected_rows() {
    let folder = folder();
    let identity = identity(folder.path(), Key::Ecdsa, HOST);
    let tls = "ssl_protocols TLSv1.2 TLSv1.3;\n\
               ssl_ciphers ECDHE+AESGCM;\n\
               ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256;\n\
               ssl_ecdh_curve P-256:P-384;\n\
               ssl_prefer_server_ciphers off;\n\
               ssl_session_tickets off;\n\
               add_header Strict-Transport-Security 'max-age=31536000; includeSubDomains' always;";
    let (_running, address) = start(folder.path(), &identity, tls);
    let target = target(address, Protocol::Https);
    let service = audit(&target, &[&identity.der]);
    expect("nginx-good", &service);
}

#[test]
#[ignore = "interop: needs nginx"]
fn interop_nginx_set_up_badly_gives_the_expected_rows() {
    let folder = folder();
    let identity = identity(folder.path(), Key::Rsa2048, "*.a.test");
    let dh = dh1024(folder.path());
    let tls = format!(
        "ssl_protocols TLSv1 TLSv1.1 TLSv1.2;\n\
         ssl_ciphers 'ALL:!aNULL:!eNULL:@SECLEVEL=0';\n\
         ssl_dhparam {};\n\
         ssl_prefer_server_ciphers on;",
        dh.display()
    );
    let (_running, address) = start(folder.path(), &identity, &tls);
    let target = target(address, Protocol::Https);
    let service = audit(&target, &[&stranger()]);
    expect("nginx-bad", &service);
    compare(&target, &service, &[]);
}
