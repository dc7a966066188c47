//! What is asked, when, and how much at a time.

use super::*;

const EVERY: Duration = Duration::from_secs(300);
const LIMITS: Limits = Limits {
    every: EVERY,
    after_gap: Duration::from_secs(600),
    queues_in_question: 100,
    questions: 60,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_442_400_000 + seconds * 1_000)
}

/// Polling began at 0, one source sends all the time, and nothing is left to ask since the start.
struct Case {
    kinds: BTreeSet<Kind>,
    hearing: Hearing,
    watched: Vec<Watched>,
    known: Vec<KnownQueue>,
    asked: Asked,
}

impl Case {
    fn quiet() -> Self {
        Self {
            kinds: Kind::ALL.into(),
            hearing: Hearing {
                heard_at: at(1_000_000),
                gap_ended_at: None,
            },
            watched: Vec::new(),
            known: Vec::new(),
            asked: Asked {
                lists: BTreeMap::from([(Kind::Trunk, at(1)), (Kind::Edge, at(1))]),
                queues: BTreeMap::new(),
                all_queues: Some(at(1)),
            },
        }
    }

    fn fresh() -> Self {
        Self {
            asked: Asked::default(),
            ..Self::quiet()
        }
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            started_at: at(0),
            kinds: &self.kinds,
            hearings: std::slice::from_ref(&self.hearing),
            watched: &self.watched,
            known_queues: &self.known,
            asked: &self.asked,
        }
    }

    fn questions(&self, seconds: i64) -> Vec<Question> {
        self.situation().questions(&LIMITS, at(seconds))
    }

    fn wants_all_queues(&self, seconds: i64) -> bool {
        self.situation().wants_all_queues(&LIMITS, at(seconds))
    }

    fn watch(&mut self, kind: Kind, id: &str, heard_at: i64) {
        self.watched.push(Watched {
            source: "genesys".to_owned(),
            kind,
            id: id.to_owned(),
            heard_at: at(heard_at),
        });
    }

    fn know(&mut self, id: &str, heard_at: i64) {
        self.known.push(KnownQueue {
            id: id.to_owned(),
            heard_at: at(heard_at),
        });
    }
}

fn queues(ids: &[&str]) -> Question {
    Question::Queues(ids.iter().map(|id| (*id).to_owned()).collect())
}

#[test]
fn after_a_start_everything_that_a_rule_looks_at_is_asked_once() {
    let mut case = Case::fresh();
    case.know("q1", -50);
    assert!(case.wants_all_queues(2));
    let lists = [Question::All(Kind::Trunk), Question::All(Kind::Edge)];
    let [trunks, edges] = lists.clone();
    assert_eq!(case.questions(2), [trunks, edges, queues(&["q1"])]);
    case.kinds = BTreeSet::from([Kind::Trunk]);
    assert_eq!(case.questions(2), lists[..1]);
    assert!(!case.wants_all_queues(2));
    let quiet = Case::quiet();
    assert!(!quiet.wants_all_queues(900_000));
    assert_eq!(quiet.questions(900_000), []);
}

#[test]
fn what_has_an_incident_is_asked_about_every_few_minutes() {
    let mut case = Case::quiet();
    case.watch(Kind::Queue, "q1", 100);
    case.watch(Kind::Trunk, "t1", 100);
    assert_eq!(case.questions(400), [], "its last breach is not older");
    let due = [Question::All(Kind::Trunk), queues(&["q1"])];
    assert_eq!(case.questions(401), due);
    case.asked.lists.insert(Kind::Trunk, at(401));
    case.asked.queues.insert("q1".to_owned(), at(401));
    assert_eq!(case.questions(700), []);
    assert_eq!(case.questions(702), due);
}

#[test]
fn a_gap_in_the_events_is_followed_by_questions_about_everything() {
    let mut case = Case::quiet();
    case.hearing.heard_at = at(10_000);
    case.know("q1", 9_000);
    assert_eq!(case.questions(10_599), []);
    assert!(case.wants_all_queues(10_600), "nothing has come for 10 min");
    assert_eq!(case.questions(10_600).len(), 3);
    for kind in [Kind::Trunk, Kind::Edge] {
        case.asked.lists.insert(kind, at(10_600));
    }
    case.asked.queues.insert("q1".to_owned(), at(10_600));
    case.asked.all_queues = Some(at(10_600));
    assert_eq!(case.questions(10_800), []);
    assert_eq!(case.questions(10_901).len(), 3, "and again while it lasts");
    case.hearing = Hearing {
        heard_at: at(10_700),
        gap_ended_at: Some(at(10_700)),
    };
    assert_eq!(case.questions(10_710).len(), 3, "and once when it is over");
    case.know("q2", 10_705);
    case.asked.queues.insert("q1".to_owned(), at(10_710));
    let asked = case.questions(10_711);
    let lists = [Question::All(Kind::Trunk), Question::All(Kind::Edge)];
    assert_eq!(asked, lists, "q2 has told by itself since");
}

#[test]
fn many_incidents_are_asked_about_in_few_questions_and_each_gets_its_turn() {
    let mut case = Case::quiet();
    case.know("q001", -1);
    case.know("q001", -1);
    for number in 0..500 {
        case.watch(Kind::Queue, &format!("q{number:03}"), 0);
        case.watch(Kind::Queue, &format!("q{number:03}"), 1);
    }
    assert_eq!(case.questions(1_000).len(), 5, "each queue once");
    let mut rounds = 0;
    let limits = Limits {
        questions: 2,
        ..LIMITS
    };
    loop {
        let questions = case.situation().questions(&limits, at(1_000));
        assert!(questions.len() <= 2);
        if questions.is_empty() {
            break;
        }
        rounds += 1;
        for question in questions {
            let Question::Queues(ids) = question else {
                panic!("no list is due");
            };
            for id in ids {
                assert!(case.asked.queues.insert(id, at(1_000)).is_none());
            }
        }
    }
    assert_eq!((rounds, case.asked.queues.len()), (3, 500));
}

#[test]
fn a_clock_that_was_set_back_delays_no_question() {
    let mut case = Case::quiet();
    case.watch(Kind::Queue, "q1", -9_000);
    case.asked.queues.insert("q1".to_owned(), at(5_000));
    assert_eq!(case.questions(100).len(), 1);
}

#[test]
fn times_of_questions_are_forgotten() {
    let mut asked = Asked::default();
    asked.queues.insert("old".to_owned(), at(0));
    asked.queues.insert("new".to_owned(), at(10));
    asked.forget_before(at(5));
    assert_eq!(asked.queues.into_keys().collect::<Vec<_>>(), ["new"]);
}
