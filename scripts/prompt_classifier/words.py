"""The vocabulary that fills the patterns. Plain lists, one idea each; all written for this project."""

from __future__ import annotations


def _split(text: str) -> list[str]:
    return [" ".join(one.split()) for one in text.replace("\n", " ").split(",") if one.strip()]


NAMES = _split("""Anna, Ben, Carla, Deepak, Elif, Farid, Greta, Hugo, Ines, Jonas, Keiko, Liam, Maya, Nadia, Omar, Priya, Quentin, Rosa,
Samir, Tess, Uma, Viktor, Wanda, Xin, Yusuf, Zoe, Mr. Alvarez, Mrs. Novak, Dr. Patel, Sara, Tom, Kate, Daniel, Emily, Chris, Jack,
Olivia, Noah, Ava, Ethan, Sofia, Lucas, Mia, Henry, Grace, Leo, Ella, Max, Ruby, Oscar""")
PLACES = _split("""Lisbon, Nairobi, Osaka, Toronto, Warsaw, Lima, Hanoi, Cairo, Bergen, Austin, Mumbai, Seoul, Quito, Dublin, Athens,
Jakarta, Marseille, Denver, Lagos, Prague, the Alps, the Sahara, Patagonia, Iceland, New Zealand, Portugal, Vietnam, Peru, Kenya,
Norway, California, Texas, Berlin, Madrid, Bangkok, Istanbul, Montreal, Sydney, Rome, Paris, London, Tokyo""")
THINGS = _split("""apples, pencils, marbles, books, cookies, tickets, stamps, eggs, chairs, candles, bottles, shirts, coins, flowers,
cards, stickers, muffins, boxes, oranges, balloons, cupcakes, toys, trees, bags of rice, packs of gum, seashells, loaves of bread,
pizzas, notebooks, lamps, bricks, tiles, fish, chickens, cows, sandwiches, T-shirts, bracelets, photographs, gallons of milk""")
JOBS = _split("""teacher, nurse, plumber, software engineer, chef, journalist, lawyer, pilot, carpenter, librarian, accountant, farmer,
dentist, photographer, tour guide, project manager, data analyst, barista, bus driver, marketing manager, therapist, architect,
electrician, copywriter, personal trainer, product manager, recruiter, startup founder, travel agent, mechanic, poet, historian""")
TOPICS = _split("""climate change, remote work, electric cars, the French Revolution, intermittent fasting, urban gardening, black holes,
minimalism, cryptocurrency, mental health at work, coral reefs, the history of chess, artificial intelligence, solar power, sleep,
vegan cooking, space tourism, social media, public libraries, jazz, beekeeping, the Roman Empire, machine learning, recycling,
online education, time management, ocean plastic, personal finance, yoga, the Silk Road, video games, marathon training, coffee,
smart homes, digital privacy, immigration, fashion, street food, home schooling, stoicism, renewable energy, tourism, board games,
the stock market, volunteering, public transport, nuclear power, gene therapy, migration of birds, cyber security, small talk, podcasts, email marketing, interior design, astrology, karaoke,
tidal energy, supply chains, wine tasting, football, dog breeds, ancient Egypt, opera, parenting, loneliness, the gig economy, 3D printing,
sustainable fashion, hiking, origami, tattoos, mindfulness, autonomous cars, data visualisation, open source, quantum computing, poetry slams,
homework, city bikes, photography, magic tricks, medieval castles, democracy, charity, the gold rush, dreams, tea, digital nomads, robots,
healthcare, streaming services, customer service, team building, film music, basketball, spicy food, climate migration, family traditions""")
FACT_TOPICS = _split("""photosynthesis, plate tectonics, the water cycle, mitosis, inflation, supply and demand, the Krebs cycle, osmosis,
Newton's second law, quantum entanglement, natural selection, the French Revolution, the Cold War, the Treaty of Versailles,
the immune system, DNA replication, the greenhouse effect, the Doppler effect, enzyme kinetics, the nervous system, entropy,
the electoral college, the separation of powers, fiscal policy, monetary policy, the Great Depression, the Renaissance, glycolysis,
antibiotic resistance, the periodic table, covalent bonds, acids and bases, the carbon cycle, black holes, Mendelian genetics,
herd immunity, habeas corpus, opportunity cost, cognitive dissonance, classical conditioning, the Ottoman Empire, radioactivity""")
CREATIVE = _split("""a lighthouse keeper, a dragon who is afraid of fire, two rivals who share a taxi, a lonely robot, a haunted bakery,
a time-travelling postman, the last tree on Earth, a cat that runs a bank, a detective in a small village, a shy astronaut,
an old piano, the first day of spring, my grandmother's kitchen, a city under the sea, a talking umbrella, a lost letter,
a knight who hates horses, friendship, autumn rain, a train that never stops, a vampire dentist, a forgotten king, the moon""")
WRITINGS = _split("""short story, poem, haiku, limerick, blog post, song, rap, cover letter, product description, speech, essay, email, tweet,
press release, movie review, joke, dialogue, screenplay, letter, advertisement, resume, newsletter, riddle, travel guide, proposal,
fairy tale, LinkedIn post, eulogy, toast, slogan, sonnet, monologue, itinerary, lesson plan, podcast script, obituary, memo""")
ADVICE = _split("""sleep better, learn to play the guitar, ask for a raise, train a puppy, cook rice, lose weight, stop procrastinating,
make new friends in a new city, prepare for a job interview, save money, grow tomatoes, remove a coffee stain, change a tyre,
get over a breakup, learn Spanish, start running, choose a laptop, plan a wedding, fix a leaking tap, write better emails,
improve my credit score, raise chickens, deal with a noisy neighbour, travel with a baby, paint a room, study for exams,
grow my own food on a balcony in winter, be more productive at home, make escargot, dance salsa, write a novel, fix a flat bike tyre,
get better at chess, whiten my teeth, iron a shirt, keep fish alive, make friends at work, stay awake in class, remember names, sharpen a knife,
build a bookshelf, fold a paper plane, cut my own hair, sew a button, apply for a visa, move to Lisbon, sell my old phone, start a business,
open a bank account, invest ten thousand dollars, paint with watercolours, get rid of hiccups, make iced coffee, set up a home network,
estimate the cost of a kitchen, choose a name for my son, cope with stress, learn calculus, improve my handwriting, take better photos,
plan a garden, wash a wool sweater, tie a tie, speak in public, become a pilot, hang a picture, feed a stray cat, find a good doctor,
clean my glasses, keep bread fresh, use chopsticks, train for a half marathon, teach my dog to sit, return a parcel, get my child to eat vegetables,
meditate, bake sourdough, negotiate rent, start a podcast, clean a cast iron pan, pick a mattress, get rid of ants""")
PEOPLE = _split("""Marie Curie, Genghis Khan, Frida Kahlo, Isaac Newton, Cleopatra, Nelson Mandela, Ada Lovelace, Beethoven, Socrates,
Mozart, Napoleon, Leonardo da Vinci, Rosa Parks, Charles Darwin, Simon Bolivar, Virginia Woolf, Galileo, Alexander the Great,
Martin Luther King, Jane Austen, Tolstoy, Gandhi, Abraham Lincoln, Alan Turing, Pablo Picasso, Shakespeare, Confucius""")
WORKS = _split("""Hamlet, Pride and Prejudice, the Mona Lisa, The Great Gatsby, War and Peace, the Magic Flute, Moby Dick, Don Quixote,
the Odyssey, Guernica, Frankenstein, 1984, The Lord of the Rings, Casablanca, Titanic, Star Wars, the Iliad, Inception, Jaws""")
COUNTRIES = _split("""Brazil, Canada, Mongolia, Switzerland, Nigeria, Australia, Chile, Thailand, Finland, Egypt, India, Mexico, Hungary,
Kazakhstan, Bolivia, Germany, France, Japan, South Africa, Turkey, Argentina, Ghana, Sweden, Nepal, Morocco, Spain""")
FOODS = _split("""lasagna, ramen, banana bread, pad thai, gazpacho, pumpkin pie, falafel, pancakes, lentil soup, paella, apple crumble,
chicken curry, tacos, risotto, kimchi, sushi, goulash, beef stew, hummus, brownies, ceviche, pierogi""")
ANIMALS = _split("""cats, dogs, octopuses, bees, wolves, penguins, elephants, bats, owls, salmon, ants, giraffes, dolphins, snakes, crows,
hedgehogs, turtles, whales, butterflies, horses, spiders, frogs, grasshoppers, foxes, sharks""")
PROGRAM_TASKS = _split("""reverses a linked list, checks whether a string is a palindrome, counts the vowels in a sentence, merges two sorted arrays,
finds the longest common prefix, returns the n-th Fibonacci number, removes duplicates from a list, validates an email address,
parses a CSV file, computes the moving average of a list, sorts a list of dictionaries by a key, finds all prime numbers below n,
converts Roman numerals to integers, flattens a nested list, implements an LRU cache, finds the shortest path in a graph,
counts word frequencies in a text file, downloads all images of a web page, rotates a matrix by 90 degrees, checks balanced brackets,
generates all permutations of a string, solves the knapsack problem, implements binary search, converts Celsius to Fahrenheit,
finds the two numbers that add up to a target, groups anagrams together, renames all files in a folder, calculates the factorial,
computes the edit distance of two words, finds the median of two sorted arrays, connects to a database and lists all users,
reads JSON from an API and prints the titles, multiplies two matrices, encodes a string with run-length encoding,
finds the maximum subarray sum, serialises a binary tree, checks if a year is a leap year, transposes a table, shuffles a deck of cards,
splits a list into chunks of size k, removes all HTML tags, finds the largest island in a grid, evaluates a postfix expression""")
LANGUAGES = _split(
    """Python, Java, C++, JavaScript, TypeScript, Go, Rust, C#, Ruby, Kotlin, Swift, PHP, C, Scala, R, Bash, Haskell, Julia, Perl, SQL"""
)
FRAMEWORKS = _split("""React, Django, Flask, pandas, numpy, PyTorch, Spring Boot, Node.js, Express, Vue, Angular, PostgreSQL, MongoDB, Docker,
Kubernetes, FastAPI, TensorFlow, Tailwind, Redis, Terraform, Unity, Next.js, Laravel, matplotlib, LangChain, AWS Lambda, Arduino, Excel VBA""")
HUMAN_LANGUAGES = _split("""German, French, Spanish, Italian, Portuguese, Dutch, Russian, Chinese, Japanese, Korean, Arabic, Hindi, Turkish,
Polish, Czech, Ukrainian, Swedish, Finnish, Greek, Hebrew, Vietnamese, Thai, Indonesian, Swahili, Bengali, Romanian, Hungarian, English""")
HARM = _split("""build a pipe bomb, make crystal meth at home, hack into my neighbour's wifi, steal a car without getting caught,
poison someone without leaving traces, forge a prescription, stalk my ex girlfriend, launder money, buy an illegal gun,
pick the lock of a stranger's house, get away with murder, cheat on a drug test, spread a computer virus, blackmail my boss,
make a fake ID, shoplift from a supermarket, cook fentanyl, break into a bank account, bully a kid at school, spy on my wife's phone,
hide a body, evade taxes, counterfeit twenty dollar bills, start a fire in a school, smuggle drugs across the border, dox a journalist,
make a chemical weapon, manipulate an old lady to change her will, rig an election, kidnap a child, commit insurance fraud,
drug someone's drink, sell stolen credit cards, bypass a security camera, write ransomware, beat someone up, kill a dog, starve myself,
tamper with a blood test, delete the evidence of an accident, sabotage my coworker's car, cheat people with a lottery, steal my roommate's mail,
make a knife out of plastic for the plane, get hold of human organs, sell my prescription pills, turn off someone's life support, groom a teenager,
cut the brakes of a car, make napalm, grow weed in my closet, get a passport under a wrong name, hire a hitman, clone a credit card,
read my daughter's private messages, take revenge on my landlord, make someone fall down the stairs, tap a phone, commit suicide painlessly,
trick my grandmother into giving me money, convince people that vaccines are poison, spread a rumour about a classmate, create a deepfake of a celebrity,
sneak a gun into a concert, destroy my neighbour's fence, get an underage girl drunk, crack a password, jam the police radio, throw a molotov cocktail,
slander a politician, fake my own death, hide money from my wife in a divorce, start a cult, torture a frog, set a trap for burglars that kills,
insult someone because of their race, drive drunk without being stopped, skip bail, plant drugs on someone, enter a country illegally,
hurt myself without anyone noticing, overdose on sleeping pills, join a terrorist group, traffic people, get revenge on my coworker""")
GROUPS = _split("""women, immigrants, Muslims, Jews, gay people, black people, disabled people, old people, Mexicans, Asians, fat people, refugees,
Christians, homeless people, trans people, white people, foreigners, poor people""")
MILD_HARM = _split("""my chest hurts and my arm feels numb, my kid swallowed a battery, I want to end it all, I feel like nobody would miss me,
my husband hits me, someone is following me home, I took too many pills, I mixed bleach and ammonia, I think my roommate is a drug dealer,
my boss keeps touching me, I drove home drunk, I hit a parked car and left, my friend wants to run away from home, I found a gun in my
son's room, I lied on my tax return, I keep cutting myself, my teacher sends me strange messages, my dog ate chocolate""")
SWEARS = _split(
    "you idiot, damn it, you stupid bot, what the hell, shut up, you suck, screw you, dumbass, jerk, this is bullshit"
)
SCIENCE = _split("""What is the main function of the mitochondria, Which gas do plants absorb, Which particle has a negative charge,
What is the chemical symbol of potassium, Which organ filters blood, Which planet has the most moons, What causes tides,
Which amendment protects free speech, Which of these is a noble gas, What type of rock is granite, What is the pH of pure water,
Which vitamin is produced by sunlight, Which process releases the most energy, What is the unit of electric resistance,
Which hormone lowers blood sugar, Which bone is the longest in the human body, Which layer of the atmosphere contains ozone,
Which sorting algorithm is stable, Which statement about monopolies is true, A force of 10 N acts on a mass of 2 kg. What is the acceleration,
A patient presents with fever and a stiff neck. What is the most likely diagnosis, A defendant was charged with burglary. Which defense applies,
Which treaty ended the Thirty Years' War, Which economist proposed the multiplier effect, Which philosopher wrote the Critique of Pure Reason,
A ball is thrown straight up. Which statement is true at its highest point, Which adaptation helps a cactus survive,
What would most likely happen to a pond if all its algae died, Which property of a mineral can be determined just by looking at it,
Which trait is inherited, The half-life of an isotope is 8 days. How much is left after 24 days, Which theory explains altruism""")
OPTIONS = _split("""gravity, evaporation, nitrogen, the heart, oxygen, carbon dioxide, erosion, the liver, an increase in price, a decrease in demand,
the mantle, protons, electrons, magnesium, glucose, friction, a recession, the king, parliament, condensation, bacteria, viruses,
radiation, convection, natural selection, mutation, limestone, an enzyme, Jupiter, Saturn, iron, the cell wall, predators, producers,
sunlight, a strict liability tort, negligence, hydrogen, none of the above, both A and B, I and II only, 25 m/s, 9.8 N, 40 percent,
it stays the same, it doubles, the president, the Supreme Court, water vapour, sedimentary rock, insulin, adrenaline""")
FIELDS = _split("""name, price, area, food, rating, near, phone, address, type, colour, birth date, birth place, team, position, population,
country, leader, elevation, genre, author, year, pages, capacity, owner, opened, speed, battery, family friendly, customer rating""")
VALUES = _split("""the Golden Lion, moderate, riverside, Italian, 5 out of 5, Market Square, 555-0199, 12 King Street, coffee shop, red, 1974-03-02,
Oslo, FC Basel, goalkeeper, 84000, Ghana, Maria Lopez, 312 metres, mystery, J. Hale, 2011, 220, 45000 seats, city council, cheap,
high, low, yes, no, average, north beach, pet friendly, Lakeside Hotel, Asam Pedas, Aarhus Airport, San Sebastian, 3 hours""")
RELATIONS = _split("""birthPlace, capital, leaderName, elevationAboveSeaLevel, location, ingredient, country, runwayLength, author, genre, club,
architect, buildingStartDate, operator, language, numberOfPages, almaMater, occupation, owner, founded, spouse, cityServed""")
TASK_VERBS = _split("""Rewrite, Rephrase, Paraphrase, Simplify, Classify, Categorize, Extract, Convert, Identify, List, Reorder, Edit, Correct, Format,
Shorten, Expand, Annotate, Tag, Sort, Rank, Compare, Generate, Complete, Replace, Combine, Split, Merge, Proofread""")
SENTENCES = _split("""The meeting has been moved to Friday because the manager is ill, She don't know where is her keys, The old bridge was closed after the storm,
I really enjoyed the food but the service was slow, The company reported a loss in the second quarter, My phone stopped working after the update,
He go to school every days, The committee will decide next week whether to fund the project, Our flight was delayed by three hours,
It was the best concert I have ever been to, The room was dark and smelled of paint, We are happy to announce our new product,
Water boils at a lower temperature on high mountains, The children built a castle of sand near the harbour, Prices rose faster than wages,
A small boat drifted slowly towards the island, The museum opens at nine and closes at five, I will call you as soon as I arrive""")
NEWS = _split("""The city council voted on Tuesday to close two of the five swimming pools, Officials said the costs had risen by 30 percent since last year,
A spokeswoman for the company declined to comment on the figures, Residents had complained about noise for months before the decision,
The storm left more than 4000 homes without power over the weekend, Police said a 34-year-old man was arrested near the station,
The team has now won six games in a row and leads the table, Coach Petra Lind praised her young players after the match,
Researchers at the university followed 1200 patients over ten years, The study was published in the journal on Monday,
Critics say the new law goes too far and will hurt small firms, The minister defended the plan in a radio interview,
The painting was found in an attic and is thought to be worth two million, Experts had believed that it was lost during the war,
The airline will cut a tenth of its staff by the end of the year, Unions have called for a strike next week,
Firefighters rescued a dog that had fallen into a frozen lake, Its owner thanked the crew and promised to buy them cake,
The actor was born in a small town and began his career on the stage, He is survived by his wife and three children,
The region has seen little rain since spring and farmers fear for the harvest, Shares of the firm fell by eight percent on Wednesday,
The bridge will be closed for repairs until November, Thousands of fans filled the streets to welcome the players home,
The rover sent back its first pictures of the crater, Engineers now plan to test its drill within a week,
He scored twice in the second half to seal the victory, The court rejected the appeal and ordered a new trial,
Voters will go to the polls in three weeks, According to the latest survey neither party has a clear lead""")
CHAT_TURNS = _split("""do you like music, i just got back from work and i am so tired, have you seen the new spiderman movie, i love dogs do you have any pets,
what did you do on the weekend, i heard that the team lost again last night, did you know that octopuses have three hearts,
what is your favourite food, i am a big fan of jazz, are you a football fan, my daughter starts school tomorrow, i can not sleep lately,
do you read a lot of books, i play the drums in a band, it is so cold here today, guess what happened to me, my car broke down again,
yeah i think so too, wow that is amazing, no i have never been there, oh really i did not know that, me too i love it, haha that is funny,
that is interesting tell me more, i guess you are right, i am not sure about that, well it depends on the weather, sounds like fun""")
NOUNS = _split("""government, minister, company, factory, river, village, school, hospital, court, judge, army, soldier, victim, witness, officer,
driver, passenger, airport, flight, hotel, restaurant, customer, farmer, harvest, drought, storm, flood, earthquake, fire, rescue team,
scientist, study, vaccine, patient, disease, treatment, doctor, university, student, professor, library, museum, painting, artist, album,
singer, concert, film, director, audience, critic, novel, writer, publisher, newspaper, reporter, editor, website, user, phone, software,
robot, engine, battery, vehicle, bridge, tunnel, road, train, station, harbour, ship, crew, island, coast, mountain, forest, tree, bird,
whale, species, climate, temperature, energy, oil price, gas field, power plant, bank, loan, market, investor, share, budget, tax, debt,
election, party, candidate, voter, parliament, president, treaty, border, refugee, protest, police, suspect, arrest, prison, weapon, attack,
murder trial, lawyer, verdict, team, coach, player, striker, goalkeeper, season, match, league, fan, stadium, record, medal, champion,
child, mother, father, family, couple, neighbour, house, garden, kitchen, dog, cat, horse, wedding, birthday, church, priest, king, queen""")
VERBS = _split("""announced, rejected, supported, criticised, closed, opened, damaged, repaired, sold, bought, found, lost, won, visited,
left, reached, blamed, thanked, warned, accused, denied, confirmed, delayed, cancelled, launched, tested, built, destroyed, painted,
recorded, published, wrote, described, studied, measured, increased, reduced, doubled, attacked, defended, beat, signed, hired, fired,
married, saved, rescued, injured, killed, arrested, released, charged, followed, joined, replaced, expected, ignored, changed, shared""")
ADJECTIVES = _split("""new, old, small, large, local, foreign, former, young, rich, poor, famous, unknown, dangerous, safe, rare, common,
early, late, final, first, second, national, private, public, red, white, dark, bright, heavy, light, expensive, cheap, quiet, loud, strong,
weak, angry, happy, sad, worried, controversial, popular, secret, official, strange, ancient, modern, empty, busy, rural, northern, southern""")
ADVERBIALS = _split("""last week, on Sunday, in the morning, for the first time, after a long debate, despite the rain, near the border, without warning,
at the end of the season, in the second half, according to officials, earlier this year, during the war, in a statement, on the west coast,
for more than ten years, in front of thousands of people, by accident, at the age of 61, in the capital, to everyone's surprise, in 2014""")
EXAM_NUMBERS = _split("""Calculate the change in Gibbs energy of a sample of ethanol when the pressure is raised,
A generator with 16 poles has a lap-wound armature. Calculate the number of conductors, Find the output voltage of the amplifier,
What is the wavelength of the photon emitted in this transition, Compute the present value of the annuity,
What is the Reynolds number of water that flows through the pipe, The enthalpy of formation is given. Compute the heat of combustion,
A firm's marginal cost is given by MC = 5 + 2Q. What is its profit at the optimum, What is the pKa of the acid,
Radium has a half-life of 1600 years. How long until a quarter is left, What is the terminal velocity of the sphere,
A spring with constant k is stretched by 3 cm. What energy is stored, What is the standard entropy of the gas at 298 K,
The beam carries a uniform load. Determine the maximum bending moment, Determine the molality of the solution,
What force is needed to stop the car within 20 m, Two charges are 5 cm apart. What is the force between them,
How many structurally distinct groups of this order exist, For how many values of c is the ring a field, What is the order of the permutation""")
UNITS = _split(
    "kJ, V, ohms, m/s, degrees C, atm, nm, kg, mol, J/K, N, kPa, ft, dollars, percent, years, conductors, mA, W, Hz"
)
WORKTASKS = _split(
    """a go-to-market strategy, a weekly status report, a project plan, a research introduction, a grant proposal, a course outline,
a marketing campaign, interview questions, a user story, a job description, a performance review, a company policy, a pitch deck,
a literature review, a budget, a survey, a training programme, a thesis statement, a meal plan, a workout plan, a reading list,
a negotiation email, a landing page text, a FAQ, an onboarding guide, a risk analysis, a SWOT analysis, a press kit, a lesson on {topic}""".replace(
        "{topic}", "history"
    )
)
