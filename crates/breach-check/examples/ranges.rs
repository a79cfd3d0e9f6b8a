//! Your own range server: download all ranges into a folder, and serve it.
//!
//! ```console
//! $ cargo run --release -p breach-check --features fetch --example ranges -- download --keep-ranges ranges
//! $ cargo run --release -p breach-check --features fetch --example ranges -- serve --keep-ranges ranges
//! $ curl http://127.0.0.1:8080/range/5BAA6
//! ```
//!
//! The download can be stopped at any moment; called again it goes on, and once it is complete, it fetches what has
//! changed. Exit status 1: some ranges are not known (they are listed), and to be asked for again.
//!
//! The server speaks HTTP/1.1 without TLS; put it behind a proxy that does, if others than this machine ask it.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use breach_check::fetch::Fetcher;
use breach_check::ranges::{
    Base, Completeness, Download, Keeper, Kept, Patience, Report, Server, Start,
};
use breach_check::{HashKind, Http, Range};
use clap::{Parser, Subcommand, ValueEnum};
use http_body_util::Full;
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpListener;

#[derive(Parser)]
#[command(about = "Ranges of breached passwords: download them, and serve them")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Fetch all ranges into a folder, or what is missing of them.
    Download(DownloadArguments),
    /// Answer what a client of the range API asks.
    Serve {
        /// The folder that `download` has filled; twice for SHA-1 and NTLM.
        #[arg(long, required = true)]
        keep_ranges: Vec<PathBuf>,
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
    },
}

#[derive(clap::Args)]
struct DownloadArguments {
    /// The folder.
    #[arg(long)]
    keep_ranges: PathBuf,
    /// Of whom: `https:`, or `http:` to a loopback address.
    #[arg(long, default_value = "https://api.pwnedpasswords.com")]
    from: String,
    /// Which hashes.
    #[arg(long, value_enum, default_value = "sha1")]
    kind: Kind,
    /// The user agent.
    #[arg(long, default_value = "breach-check-ranges")]
    agent: String,
    /// Questions at the same time.
    #[arg(long, default_value_t = 64)]
    parallel: usize,
    /// Only so many ranges, from the first.
    #[arg(long, default_value_t = Range::COUNT)]
    first: u32,
    /// Ask for all again, even if the last download was not complete.
    #[arg(long)]
    anew: bool,
    /// Least lines of a range, in percent of before or of the median; 0 takes any.
    #[arg(long, default_value_t = 80)]
    least: u8,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Sha1,
    Ntlm,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().what {
        What::Download(arguments) => download(arguments).await,
        What::Serve {
            keep_ranges,
            listen,
        } => serve(&keep_ranges, listen).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        let mut source = error.source();
        while let Some(why) = source {
            eprintln!("  {why}");
            source = why.source();
        }
        ExitCode::from(2)
    })
}

async fn download(arguments: DownloadArguments) -> Result<ExitCode, Box<dyn Error>> {
    let fetcher = match arguments.from.starts_with("http:") {
        true => Fetcher::loopback_without_tls(),
        false => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            Fetcher::new(provider, Arc::new(roots))?
        }
    };
    let report = fetch(fetcher, &arguments).await?;
    let progress = report.progress;
    println!(
        "{} fetched, {} unchanged, {} before, {} not known; {} octets",
        progress.fetched, progress.unchanged, progress.before, progress.unknown, progress.octets
    );
    for (range, why) in &report.unknown {
        let cause = why
            .source()
            .map_or_else(String::new, |cause| format!(": {cause}"));
        println!("{range} {why}{cause}");
    }
    Ok(match report.is_complete() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(1),
    })
}

async fn fetch(http: impl Http, arguments: &DownloadArguments) -> Result<Report, Box<dyn Error>> {
    let kind = match arguments.kind {
        Kind::Sha1 => HashKind::Sha1,
        Kind::Ntlm => HashKind::Ntlm,
    };
    let completeness = match arguments.least {
        0 => Completeness::unchecked(),
        percent => Completeness::percent(percent).ok_or("--least is 0 to 100")?,
    };
    let start = match arguments.anew {
        true => Start::Anew,
        false => Start::Resume,
    };
    let mut keeper = Keeper::open(&arguments.keep_ranges, kind, completeness, start)?;
    let mut patience = Patience::default();
    patience.in_flight = arguments.parallel;
    let base = Base::new(&arguments.from)?;
    let download = Download::new(http, base, &arguments.agent, tokio::time::sleep)?;
    let download = download.patience(patience);
    let ranges = Range::all().take(arguments.first as usize);
    let bar = ProgressBar::new(ranges.len() as u64);
    let style = "{wide_bar} {pos}/{len} ranges, {per_sec}, {eta} left, {msg}";
    bar.set_style(ProgressStyle::with_template(style)?);
    let report = download.run(&mut keeper, ranges, |progress| {
        bar.set_position(progress.done().into());
        bar.set_message(format!("{} not known", progress.unknown));
    });
    let report = report.await?;
    bar.finish_and_clear();
    Ok(report)
}

async fn serve(folders: &[PathBuf], listen: SocketAddr) -> Result<ExitCode, Box<dyn Error>> {
    let (first, others) = folders.split_first().ok_or("no folder")?;
    let mut server = Server::new(Kept::open(first)?);
    for folder in others {
        server = server.and(Kept::open(folder)?);
    }
    let server = Arc::new(server);
    let listener = TcpListener::bind(listen).await?;
    println!("http://{}/range/", listener.local_addr()?);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let server = Arc::clone(&server);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let server = Arc::clone(&server);
            async move {
                // It reads a file.
                let (head, _) = request.into_parts();
                let request = hyper::Request::from_parts(head, ());
                let answer = tokio::task::spawn_blocking(move || server.answer(&request)).await;
                let answer = answer.unwrap_or_else(|_| {
                    let mut broken = hyper::Response::new(Vec::new());
                    *broken.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
                    broken
                });
                Ok::<_, Infallible>(answer.map(|body| Full::new(Bytes::from(body))))
            }
        });
        let mut http = http1::Builder::new();
        // Who does not send a request within 30 s, is sent away.
        http.timer(TokioTimer::new());
        tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
    }
}
