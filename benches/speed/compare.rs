//! Several builds of the daemon, and the no-op, in one run: each round measures all of them, in
//! an order that changes, so that a machine that is slower for a while is slower for each.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::Fallible;
use crate::client::{Load, Measured, send};
use crate::daemon::{Daemon, Process, Setting, noop, proxy};
use crate::figures::median;
use crate::proxy::client_config;
use crate::scenarios::{Bench, none_refused};

/// A build of the daemon.
#[derive(Clone)]
pub(crate) struct Build {
    name: String,
    path: PathBuf,
}

impl FromStr for Build {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or("write NAME=PATH")?;
        let path = PathBuf::from(path);
        match path.is_file() {
            true => Ok(Self {
                name: name.to_owned(),
                path,
            }),
            false => Err(format!("{} is no file", path.display())),
        }
    }
}

/// How clients reach the server.
struct Shape {
    name: &'static str,
    connections: usize,
    reconnect: bool,
    by_proxy: bool,
}

const fn shape(name: &'static str, connections: usize, reconnect: bool, by_proxy: bool) -> Shape {
    Shape {
        name,
        connections,
        reconnect,
        by_proxy,
    }
}

const SHAPES: [Shape; 6] = [
    shape("new connections", 64, true, false),
    shape("new connections", 256, true, false),
    shape("behind a TLS proxy", 64, true, true),
    shape("behind a TLS proxy", 256, true, true),
    shape("keep-alive", 64, false, false),
    shape("keep-alive", 256, false, false),
];

/// One measurement.
struct Figures {
    per_second: f64,
    p99: f64,
    /// Processor time of the server for each request, in microseconds.
    processor: f64,
}

impl Bench {
    /// Single events into each of `builds`, against the no-op and against the first of them.
    pub(crate) fn compare(&mut self, builds: &[Build]) -> Fallible<()> {
        for shape in SHAPES {
            let mut noops = Vec::new();
            let mut figures: Vec<Vec<Figures>> = builds.iter().map(|_| Vec::new()).collect();
            for round in 0..self.scale.rounds {
                let (process, address) = noop()?;
                noops.push(self.measured(&shape, &process, address, "noop")?);
                drop(process);
                for place in 0..builds.len() {
                    let place = (place + round) % builds.len();
                    let folder = self.new_folder()?;
                    let daemon = Daemon::start(&Setting {
                        binary: Some(&builds[place].path),
                        ..self.setting(&folder)
                    })?;
                    let prefix = format!("c{round}");
                    let found = self.measured(&shape, daemon.process(), daemon.public, &prefix)?;
                    figures[place].push(found);
                    drop(daemon);
                    std::fs::remove_dir_all(folder)?;
                }
            }
            print(&shape, builds, &noops, &figures);
        }
        Ok(())
    }

    fn measured(
        &self,
        shape: &Shape,
        server: &Process,
        address: SocketAddr,
        prefix: &str,
    ) -> Fallible<Figures> {
        let (front, tls) = match shape.by_proxy {
            true => (Some(proxy(address)?), Some(client_config()?)),
            false => (None, None),
        };
        let to = front.as_ref().map_or(address, |(_, front)| *front);
        let before = server.processor_seconds()?;
        let measured = none_refused(send(Load {
            reconnect: shape.reconnect,
            tls,
            ..self.load(to, shape.connections, prefix)
        })?)?;
        let processor = server.processor_seconds()? - before;
        Ok(Figures {
            per_second: measured.per_second(),
            p99: Measured::quantile(&measured, 0.99),
            processor: processor * 1e6 / measured.answered as f64,
        })
    }
}

fn print(shape: &Shape, builds: &[Build], noops: &[Figures], figures: &[Vec<Figures>]) {
    eprintln!("\n{}, {} connections", shape.name, shape.connections);
    eprintln!(
        "{:<14} {:>9} {:>7} {:>15} {:>9} {:>9} {:>8}",
        "build", "202s/s", "of noop", "least-most", "of first", "CPU us", "p99 ms"
    );
    line("no-op", noops, noops, noops);
    for (build, own) in builds.iter().zip(figures) {
        line(&build.name, own, noops, &figures[0]);
    }
}

fn line(name: &str, own: &[Figures], noops: &[Figures], first: &[Figures]) {
    let ratios = |others: &[Figures]| -> Vec<f64> {
        let rounds = own.iter().zip(others);
        rounds
            .map(|(own, other)| own.per_second / other.per_second)
            .collect()
    };
    let of_noop = ratios(noops);
    let least = of_noop.iter().copied().fold(f64::INFINITY, f64::min);
    let most = of_noop.iter().copied().fold(0.0, f64::max);
    eprintln!(
        "{name:<14} {:>9.0} {:>7.3} {:>15} {:>9.3} {:>9.1} {:>8.2}",
        median(own.iter().map(|one| one.per_second)),
        median(of_noop),
        format!("{least:.3}-{most:.3}"),
        median(ratios(first)),
        median(own.iter().map(|one| one.processor)),
        median(own.iter().map(|one| one.p99)),
    );
}
